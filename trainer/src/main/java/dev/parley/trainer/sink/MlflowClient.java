package dev.parley.trainer.sink;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * MLflow's REST interface, as far as a training needs it. One attempt a call: an {@link
 * IOException} may be none the next time, a {@link RefusedException} stays.
 *
 * <p>Source: mlflow.org, docs/latest/rest-api.html.
 */
final class MlflowClient {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final MlflowSettings settings;
  private final HttpClient http;

  MlflowClient(MlflowSettings settings) {
    this.settings = settings;
    this.http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1) // servers of Python refuse the offer of another
            .connectTimeout(settings.answerTime())
            .build();
  }

  /** The server understood, and says no. */
  static final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String code;

    RefusedException(String code, String message) {
      super(message);
      this.code = code;
    }

    /** MLflow's name for it, such as RESOURCE_DOES_NOT_EXIST. */
    String code() {
      return code;
    }
  }

  /** The experiment of the settings, made if it is not there. */
  String experiment() throws IOException, InterruptedException {
    Optional<String> found = findExperiment();
    if (found.isPresent()) {
      return found.get();
    }
    try {
      return post("experiments/create", Map.of("name", settings.experiment()))
          .path("experiment_id")
          .asString();
    } catch (RefusedException e) {
      if (e.code().equals("RESOURCE_ALREADY_EXISTS")) { // another job, a moment earlier
        return findExperiment().orElseThrow(() -> e);
      }
      throw e;
    }
  }

  private Optional<String> findExperiment() throws IOException, InterruptedException {
    String name = URLEncoder.encode(settings.experiment(), StandardCharsets.UTF_8);
    JsonNode experiment;
    try {
      experiment =
          send(request("experiments/get-by-name?experiment_name=" + name).GET().build())
              .path("experiment");
    } catch (RefusedException e) {
      if (e.code().equals("RESOURCE_DOES_NOT_EXIST")) {
        return Optional.empty();
      }
      throw e;
    }
    if (experiment.path("lifecycle_stage").asString("active").equals("deleted")) {
      throw new RefusedException(
          "DELETED",
          "the experiment '%s' is deleted there: restore it, or set MLFLOW_EXPERIMENT_NAME"
              .formatted(settings.experiment()));
    }
    return Optional.of(experiment.path("experiment_id").asString());
  }

  /** The run of an experiment with a tag. */
  Optional<String> findRun(String experiment, String tag, String value)
      throws IOException, InterruptedException {
    JsonNode runs =
        post(
                "runs/search",
                Map.of(
                    "experiment_ids",
                    List.of(experiment),
                    "filter",
                    "tags.`%s` = '%s'".formatted(tag, value),
                    "max_results",
                    1))
            .path("runs");
    return runs.isEmpty()
        ? Optional.empty()
        : Optional.of(runs.get(0).path("info").path("run_id").asString());
  }

  /** Makes a run. */
  String createRun(String experiment, String name, long startMillis, Map<String, String> tags)
      throws IOException, InterruptedException {
    return post(
            "runs/create",
            Map.of(
                "experiment_id",
                experiment,
                "run_name",
                name,
                "start_time",
                startMillis,
                "tags",
                pairs(tags)))
        .path("run")
        .path("info")
        .path("run_id")
        .asString();
  }

  /** A point of a curve; not finite numbers are said in words, as MLflow has them. */
  record Metric(String key, Object value, long timestamp, long step) {
    static Metric of(String key, double value, long timestamp, long step) {
      Object sent = Double.isFinite(value) ? (Object) value : Double.toString(value);
      return new Metric(key, sent, timestamp, step);
    }
  }

  /** Adds to a run. At most 1000 metrics, 100 parameters and 100 tags. */
  void logBatch(
      String run, List<Metric> metrics, Map<String, String> parameters, Map<String, String> tags)
      throws IOException, InterruptedException {
    post(
        "runs/log-batch",
        Map.of(
            "run_id", run, "metrics", metrics, "params", pairs(parameters), "tags", pairs(tags)));
  }

  /** Says how a run stands: RUNNING, FINISHED, FAILED or KILLED. */
  void updateRun(String run, String status, Optional<Long> endMillis)
      throws IOException, InterruptedException {
    post(
        "runs/update",
        endMillis.isPresent()
            ? Map.of("run_id", run, "status", status, "end_time", endMillis.get())
            : Map.of("run_id", run, "status", status));
  }

  private static List<Map<String, String>> pairs(Map<String, String> values) {
    return values.entrySet().stream()
        .map(entry -> Map.of("key", entry.getKey(), "value", entry.getValue()))
        .toList();
  }

  private JsonNode post(String path, Map<String, ?> body) throws IOException, InterruptedException {
    return send(
        request(path)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body)))
            .build());
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(settings.uri() + "/api/2.0/mlflow/" + path))
            .timeout(settings.answerTime());
    settings.authorization().ifPresent(header -> request.header("Authorization", header));
    return request;
  }

  private JsonNode send(HttpRequest request) throws IOException, InterruptedException {
    HttpResponse<String> answer = http.send(request, BodyHandlers.ofString());
    int status = answer.statusCode();
    if (status == 408 || status == 429 || status >= 500) {
      throw new IOException("it answers %d".formatted(status));
    }
    JsonNode body;
    try {
      body = JSON.readTree(answer.body());
    } catch (JacksonException e) {
      body = JSON.createObjectNode();
    }
    if (status != 200) {
      String code = body.path("error_code").asString("");
      String said = body.path("message").asString("");
      String hint =
          status == 401 || status == 403
              ? "; set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD"
              : "";
      throw new RefusedException(
          code,
          "it answers %d to %s %s%s"
              .formatted(status, request.uri().getPath(), said.isEmpty() ? code : said, hint));
    }
    return body;
  }
}
