package dev.parley.server.ops;

import com.sun.net.httpserver.HttpExchange;
import dev.parley.server.training.TrainingJobs;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobState;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A job's updates over HTTP: as one JSON answer, or as server-sent events that go on until the job
 * ends. The event's id is the update's sequence, so a browser that reconnects misses nothing and
 * repeats nothing. A slow reader holds a thread and one batch of updates.
 */
final class EventStreams {
  /** Live streams; each holds a thread, and the other half stays free for short answers. */
  private static final int STREAMS = 32;

  private static final int BATCH = 64;

  /** Tells proxies and dead connections that the stream lives. */
  private static final long KEEP_ALIVE_SECONDS = 15;

  private final TrainingJobs jobs;
  private final Semaphore room = new Semaphore(STREAMS);

  EventStreams(TrainingJobs jobs) {
    this.jobs = jobs;
  }

  void answer(HttpExchange exchange, String jobId) throws IOException {
    EventLog log = jobs.events(jobId).orElseThrow(() -> AdminApi.noJob(jobId));
    String accept = exchange.getRequestHeaders().getFirst("Accept");
    if (accept == null || !accept.contains("text/event-stream")) {
      all(exchange, log.tail(from(exchange)));
    } else if (room.tryAcquire()) {
      try {
        live(exchange, jobId, log.tail(from(exchange)));
      } finally {
        room.release();
      }
    } else {
      exchange.getResponseHeaders().set("Retry-After", "5");
      throw new HttpError(503, "%d event streams are open, the limit".formatted(STREAMS));
    }
  }

  /** The first update to send: after Last-Event-ID, or {@code ?from=N}, or 1. */
  private static long from(HttpExchange exchange) {
    String last = exchange.getRequestHeaders().getFirst("Last-Event-ID");
    if (last != null) {
      return 1 + number("Last-Event-ID", last);
    }
    String query = exchange.getRequestURI().getQuery();
    return query != null && query.startsWith("from=") ? number("from", query.substring(5)) : 1;
  }

  private static long number(String name, String text) {
    if (!text.matches("\\d{1,15}")) {
      throw new HttpError(400, name + " must be the sequence of an update");
    }
    return Long.parseLong(text);
  }

  private static void all(HttpExchange exchange, EventLog.Tail tail) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "application/json; charset=utf-8");
    AdminServer.secure(exchange);
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = exchange.getResponseBody()) {
      write(out, "{\"updates\":[");
      String separator = "";
      while (true) {
        List<TrainingUpdate> updates = tail.poll(BATCH);
        if (updates.isEmpty()) {
          break;
        }
        for (TrainingUpdate update : updates) {
          write(out, separator + AdminApi.json(TrainingJobs.shown(update)));
          separator = ",";
        }
      }
      write(out, "]}");
    }
  }

  private void live(HttpExchange exchange, String jobId, EventLog.Tail tail) throws IOException {
    boolean nothingFollows = jobs.ended(jobId);
    List<TrainingUpdate> updates = tail.poll(BATCH);
    AdminServer.secure(exchange);
    if (updates.isEmpty() && nothingFollows) {
      exchange.sendResponseHeaders(204, -1); // a browser stops reconnecting
      return;
    }
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
    exchange.sendResponseHeaders(200, 0);
    Semaphore news = new Semaphore(0);
    Runnable signal = news::release;
    jobs.news().add(signal);
    try (OutputStream out = exchange.getResponseBody()) {
      while (true) {
        for (TrainingUpdate update : updates) {
          write(out, event(update));
        }
        out.flush();
        if (!updates.isEmpty() && JobState.isLast(updates.get(updates.size() - 1))) {
          return;
        }
        if (updates.isEmpty() && nothingFollows) {
          return; // the reader asked from beyond the last update
        }
        news.drainPermits();
        nothingFollows = jobs.ended(jobId); // asked before reading
        updates = tail.poll(BATCH);
        if (updates.isEmpty()
            && !nothingFollows
            && !news.tryAcquire(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)) {
          write(out, ":\n\n");
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the server stops
    } finally {
      jobs.news().remove(signal);
    }
  }

  private static String event(TrainingUpdate update) {
    return "id: %d\nevent: %s\ndata: %s\n\n"
        .formatted(
            update.getSequence(),
            update.getUpdateCase().name().toLowerCase(Locale.ROOT),
            AdminApi.json(TrainingJobs.shown(update)));
  }

  private static void write(OutputStream out, String text) throws IOException {
    out.write(text.getBytes(StandardCharsets.UTF_8));
  }
}
