package dev.parley.trainer.sink;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;

/**
 * A tracking server of MLflow, by the variables that MLflow's own clients read.
 *
 * @param uri of the server, without a slash at its end
 * @param experiment that runs belong to; made if it is not there
 * @param authorization the header, if the server wants one
 * @param period the shortest time between two batches
 * @param firstPause before a second attempt; doubled for each one after it
 * @param answerTime the longest time for one answer
 * @param closeTime the longest time that the end of a job waits for the last batch
 */
record MlflowSettings(
    URI uri,
    String experiment,
    Optional<String> authorization,
    Duration period,
    Duration firstPause,
    Duration answerTime,
    Duration closeTime) {
  private static final String DEFAULT_EXPERIMENT = "parley";

  /**
   * The settings that variables of an environment make.
   *
   * @throws IllegalArgumentException if the address is none of a server
   */
  static MlflowSettings of(String address, Map<String, String> environment) {
    return new MlflowSettings(
        uri(address),
        text(environment, "MLFLOW_EXPERIMENT_NAME").orElse(DEFAULT_EXPERIMENT),
        authorization(environment),
        Duration.ofSeconds(1),
        Duration.ofMillis(500),
        Duration.ofSeconds(10),
        Duration.ofSeconds(10));
  }

  /** Never with the header, which would end in logs. */
  @Override
  public String toString() {
    return "MlflowSettings[uri=%s, experiment=%s]".formatted(uri, experiment);
  }

  private static URI uri(String text) {
    try {
      URI uri = URI.create(text.replaceAll("/+$", ""));
      if (uri.getHost() != null && uri.getScheme().matches("https?")) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // said below
    }
    throw new IllegalArgumentException(
        "MLflow hears nothing of this job: MLFLOW_TRACKING_URI is '%s', but must be the address of a tracking server, such as http://127.0.0.1:5000"
            .formatted(text));
  }

  private static Optional<String> authorization(Map<String, String> environment) {
    Optional<String> user = text(environment, "MLFLOW_TRACKING_USERNAME");
    if (user.isPresent()) {
      String pair = user.get() + ":" + text(environment, "MLFLOW_TRACKING_PASSWORD").orElse("");
      byte[] bytes = pair.getBytes(StandardCharsets.UTF_8);
      return Optional.of("Basic " + Base64.getEncoder().encodeToString(bytes));
    }
    Optional<String> token = text(environment, "MLFLOW_TRACKING_TOKEN");
    if (token.isPresent() && !token.get().matches("[!-~]+")) { // never shown: it is a secret
      throw new IllegalArgumentException(
          "MLflow hears nothing of this job: MLFLOW_TRACKING_TOKEN holds a character that no token has");
    }
    return token.map(secret -> "Bearer " + secret);
  }

  private static Optional<String> text(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name))
        .map(String::strip)
        .filter(value -> !value.isEmpty());
  }
}
