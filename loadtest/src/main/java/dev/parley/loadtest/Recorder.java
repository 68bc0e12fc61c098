package dev.parley.loadtest;

import dev.parley.client.FinishReason;
import dev.parley.client.OverloadedException;
import dev.parley.client.ParleyException;
import dev.parley.client.Reply;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** Collects what the conversations of one point measure. Thread-safe. Times are in nanoseconds. */
final class Recorder {
  private static final long HIGHEST_MICROS = TimeUnit.HOURS.toMicros(1);

  private final Histogram opening = histogram();
  private final Histogram firstToken = histogram();
  private final Histogram betweenTokens = histogram();
  private final Histogram turn = histogram();
  private final Histogram startDelay = histogram();
  private final Histogram serverQueue = histogram();
  private final Histogram refusal = histogram();
  private final Map<String, Integer> errors = new TreeMap<>();
  private String model = "";
  private int conversations;
  private int open;
  private int peak;
  private int turns;
  private int interrupted;
  private int cancelled;
  private int refused;
  private int failedTurns;
  private long tokens;

  synchronized void started() {
    conversations++;
    open++;
    peak = Math.max(peak, open);
  }

  synchronized void opened(String reference, long nanos) {
    model = reference;
    record(opening, nanos);
  }

  /** A conversation is over; the turns that were left to say count as failed. */
  synchronized void ended(int turnsLeft) {
    open--;
    failedTurns += turnsLeft;
  }

  synchronized void sent(long delay) {
    record(startDelay, delay);
  }

  synchronized void firstPiece(long nanos) {
    record(firstToken, nanos);
  }

  synchronized void nextPiece(long nanos) {
    record(betweenTokens, nanos);
  }

  /** A turn was answered; its times do not count where its reader was slow on purpose. */
  synchronized void answered(Reply reply, long nanos, boolean slow) {
    turns++;
    tokens += reply.usage().generatedTokens();
    if (reply.finishReason() == FinishReason.INTERRUPTED) {
      interrupted++;
    }
    if (!slow) {
      record(turn, nanos);
    }
    record(serverQueue, reply.timings().queued().toNanos());
  }

  /** A conversation that could not be opened. */
  synchronized void notOpened(ParleyException error, long nanos) {
    error(error, nanos);
  }

  /** A turn that was not answered, so long after its message was sent. */
  synchronized void failedTurn(ParleyException error, long nanos) {
    failedTurns++;
    error(error, nanos);
  }

  /** A conversation was cancelled on purpose. */
  synchronized void cancelled() {
    cancelled++;
  }

  private void error(ParleyException error, long nanos) {
    errors.merge(error.code().name(), 1, Integer::sum);
    if (error instanceof OverloadedException overloaded && overloaded.retryable()) {
      refused++;
      record(refusal, nanos);
    }
  }

  synchronized LoadResult result(Load load, long nanos) {
    return new LoadResult(
        load,
        model,
        conversations,
        turns,
        interrupted,
        cancelled,
        refused,
        failedTurns,
        errors,
        nanos / 1e9,
        tokens,
        peak,
        Latency.of(opening),
        Latency.of(firstToken),
        Latency.of(betweenTokens),
        Latency.of(turn),
        Latency.of(startDelay),
        Latency.of(refusal),
        Latency.of(serverQueue));
  }

  private static Histogram histogram() {
    return new Histogram(HIGHEST_MICROS, 3);
  }

  private static void record(Histogram histogram, long nanos) {
    histogram.recordValue(
        Math.min(HIGHEST_MICROS, Math.max(0, TimeUnit.NANOSECONDS.toMicros(nanos))));
  }
}
