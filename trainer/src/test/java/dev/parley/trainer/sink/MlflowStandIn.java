package dev.parley.trainer.sink;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A tracking server on this machine that answers as MLflow's does, and can be told not to. */
final class MlflowStandIn implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final HttpServer server =
      HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  private final CountDownLatch ended = new CountDownLatch(1);

  // all guarded by this
  private final Map<String, String> experiments = new TreeMap<>();
  private final List<Run> runs = new ArrayList<>();
  private final List<String> requests = new ArrayList<>();
  private final List<String> authorizations = new ArrayList<>();
  private int busy;
  private int refusal;

  /** What is known of a run. */
  static final class Run {
    final Map<String, String> tags = new TreeMap<>();
    final Map<String, String> parameters = new TreeMap<>();
    final List<String> metrics = new ArrayList<>();
    final List<Integer> batches = new ArrayList<>();
    String name = "";
    String status = "";
  }

  MlflowStandIn() throws IOException {
    server.createContext("/api/2.0/mlflow/", this::handle);
    server.start();
  }

  String uri() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Answers so many requests with 503. */
  synchronized void busy(int times) {
    busy = times;
  }

  /** Answers everything with this status from now on. */
  synchronized void refuse(int status) {
    refusal = status;
  }

  synchronized List<Run> runs() {
    return List.copyOf(runs);
  }

  synchronized List<String> requests() {
    return List.copyOf(requests);
  }

  synchronized List<String> authorizations() {
    return List.copyOf(authorizations);
  }

  /** Waits until a run is said to have ended. */
  void awaitEnd() throws InterruptedException {
    if (!ended.await(1, TimeUnit.MINUTES)) {
      throw new AssertionError("no run has ended; asked were " + requests());
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath().replace("/api/2.0/mlflow/", "");
      byte[] body = exchange.getRequestBody().readAllBytes();
      JsonNode request = body.length == 0 ? JSON.createObjectNode() : JSON.readTree(body);
      int status = 200;
      ObjectNode answer = JSON.createObjectNode();
      synchronized (this) {
        requests.add(path);
        authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
        if (busy > 0) {
          busy--;
          status = 503;
        } else if (refusal > 0) {
          status = refusal;
          answer.put("error_code", "PERMISSION_DENIED").put("message", "not for you");
        } else {
          status = answer(path, exchange.getRequestURI().getQuery(), request, answer);
        }
      }
      byte[] bytes = JSON.writeValueAsString(answer).getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  private int answer(String path, String query, JsonNode request, ObjectNode answer) {
    switch (path) {
      case "experiments/get-by-name" -> {
        String name = query.replace("experiment_name=", "");
        if (!experiments.containsKey(name)) {
          answer.put("error_code", "RESOURCE_DOES_NOT_EXIST");
          return 404;
        }
        answer
            .putObject("experiment")
            .put("experiment_id", experiments.get(name))
            .put("lifecycle_stage", "active");
      }
      case "experiments/create" -> {
        String id = Integer.toString(experiments.size() + 1);
        experiments.put(request.path("name").asString(), id);
        answer.put("experiment_id", id);
      }
      case "runs/search" -> {
        var found = answer.putArray("runs");
        String filter = request.path("filter").asString();
        for (int i = 0; i < runs.size(); i++) {
          if (filter.equals(
              "tags.`parley.job_id` = '%s'".formatted(runs.get(i).tags.get("parley.job_id")))) {
            found.addObject().putObject("info").put("run_id", Integer.toString(i));
          }
        }
      }
      case "runs/create" -> {
        Run run = new Run();
        run.name = request.path("run_name").asString();
        pairs(request.path("tags"), run.tags);
        runs.add(run);
        answer.putObject("run").putObject("info").put("run_id", Integer.toString(runs.size() - 1));
      }
      case "runs/log-batch" -> {
        Run run = runs.get(request.path("run_id").asInt());
        pairs(request.path("tags"), run.tags);
        pairs(request.path("params"), run.parameters);
        run.batches.add(request.path("metrics").size());
        for (JsonNode metric : request.path("metrics")) {
          run.metrics.add(
              "%s %s %s"
                  .formatted(
                      metric.path("step").asLong(),
                      metric.path("key").asString(),
                      metric.path("value").asString()));
        }
      }
      case "runs/update" -> {
        Run run = runs.get(request.path("run_id").asInt());
        run.status = request.path("status").asString();
        if (request.has("end_time")) {
          ended.countDown();
        }
      }
      default -> {
        return 404;
      }
    }
    return 200;
  }

  private static void pairs(JsonNode pairs, Map<String, String> into) {
    for (JsonNode pair : pairs) {
      into.put(pair.path("key").asString(), pair.path("value").asString());
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
