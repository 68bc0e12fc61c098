package dev.parley.server.ops;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP side for operators: {@code /metrics}, {@code /livez}, {@code /readyz}, a dashboard under
 * {@code /}, JSON and server-sent events under {@code /api/}. Only reads: every method but GET and
 * HEAD is refused. Without authentication, so it listens on loopback unless told otherwise.
 */
final class AdminServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(AdminServer.class);
  private static final String JSON = "application/json; charset=utf-8";
  private static final String TEXT = "text/plain; charset=utf-8";

  /** Requests under way; event streams hold theirs for as long as a job runs. */
  private static final int THREADS = 64;

  private static final int BACKLOG = 128;

  private final HttpServer server;
  private final ExecutorService threads;
  private final Metrics metrics;
  private final Health liveness;
  private final Health readiness;
  private final AdminApi api;
  private final EventStreams events;
  private final Dashboard dashboard;

  /**
   * Binds and answers.
   *
   * @throws ServerStartException if the address cannot be bound
   */
  AdminServer(
      HostPort address,
      Metrics metrics,
      Health liveness,
      Health readiness,
      AdminApi api,
      EventStreams events,
      Dashboard dashboard) {
    this.metrics = metrics;
    this.liveness = liveness;
    this.readiness = readiness;
    this.api = api;
    this.events = events;
    this.dashboard = dashboard;
    try {
      server = HttpServer.create(address.toSocketAddress(), BACKLOG);
    } catch (IOException | IllegalArgumentException e) {
      throw ServerStartException.notBound(Setting.ADMIN, address, e);
    }
    AtomicInteger count = new AtomicInteger();
    threads =
        new ThreadPoolExecutor(
            0,
            THREADS,
            30,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> {
              Thread thread = new Thread(task, "admin-" + count.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            },
            new ThreadPoolExecutor.CallerRunsPolicy());
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** Where it listens. */
  int port() {
    return server.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) {
    try (exchange) {
      try {
        String method = exchange.getRequestMethod();
        if (!method.equals("GET") && !method.equals("HEAD")) {
          exchange.getResponseHeaders().set("Allow", "GET, HEAD");
          throw new HttpError(405, "only GET and HEAD are answered; changes go through gRPC");
        }
        route(exchange);
      } catch (HttpError e) {
        send(exchange, e.status(), JSON, api.error(e.message()));
      } catch (RuntimeException e) {
        log.error("GET {} failed", exchange.getRequestURI().getPath(), e);
        send(exchange, 500, JSON, api.error("the server failed; its log has the reason"));
      }
    } catch (IOException e) {
      log.debug("a reader of the admin port went away", e);
    }
  }

  private void route(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    switch (path) {
      case "/" -> {
        exchange.getResponseHeaders().set("Content-Security-Policy", dashboard.securityPolicy());
        send(exchange, 200, "text/html; charset=utf-8", dashboard.html());
      }
      case "/metrics" -> metrics(exchange);
      case "/livez" -> health(exchange, liveness);
      case "/readyz" -> health(exchange, readiness);
      case "/api/models" -> send(exchange, 200, JSON, api.models());
      case "/api/jobs" -> send(exchange, 200, JSON, api.jobs());
      default -> job(exchange, path);
    }
  }

  private static void health(HttpExchange exchange, Health health) throws IOException {
    String problem = health.problem().orElse("");
    send(
        exchange, problem.isEmpty() ? 200 : 503, TEXT, problem.isEmpty() ? "ok\n" : problem + "\n");
  }

  private void metrics(HttpExchange exchange) throws IOException {
    String accept = exchange.getRequestHeaders().getFirst("Accept");
    Metrics.Exposition exposition = metrics.scrape(accept == null ? "" : accept);
    send(exchange, 200, exposition.contentType(), exposition.text());
  }

  private void job(HttpExchange exchange, String path) throws IOException {
    String[] parts = path.split("/", -1); // "", "api", "jobs", id, maybe "events"
    boolean inJobs = parts.length >= 4 && parts[1].equals("api") && parts[2].equals("jobs");
    if (inJobs && parts.length == 4) {
      send(exchange, 200, JSON, api.job(parts[3]));
    } else if (inJobs && parts.length == 5 && parts[4].equals("events")) {
      events.answer(exchange, parts[3]);
    } else {
      throw new HttpError(404, "there is nothing at this path; / is the dashboard");
    }
  }

  private static void send(HttpExchange exchange, int status, String type, String body)
      throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    secure(exchange);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }

  /** What is sent is what it says it is, is never shown in a frame, and is never old. */
  static void secure(HttpExchange exchange) {
    exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
    exchange.getResponseHeaders().set("X-Frame-Options", "DENY");
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
  }

  /** Ends every answer under way. */
  @Override
  public void close() {
    threads.shutdownNow();
    server.stop(0);
  }
}
