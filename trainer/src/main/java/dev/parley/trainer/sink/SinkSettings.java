package dev.parley.trainer.sink;

import java.util.Map;
import java.util.Optional;

/**
 * Which tools hear how a training goes.
 *
 * @param tensorBoard whether event files are written into the job's directory
 * @param mlflowUri of a tracking server; none, none
 * @param environment with what MLflow's own clients read besides
 */
public record SinkSettings(
    boolean tensorBoard, Optional<String> mlflowUri, Map<String, String> environment) {

  /** TensorBoard always, for it costs a small file; MLflow where {@code MLFLOW_TRACKING_URI} is. */
  public static SinkSettings ofProcess() {
    return of(System.getenv());
  }

  /** As {@link #ofProcess}, of another environment. */
  public static SinkSettings of(Map<String, String> environment) {
    Optional<String> uri =
        Optional.ofNullable(environment.get("MLFLOW_TRACKING_URI"))
            .map(String::strip)
            .filter(text -> !text.isEmpty());
    return new SinkSettings(true, uri, Map.copyOf(environment));
  }

  /** These with another tracking server. */
  public SinkSettings withMlflow(String uri) {
    return new SinkSettings(tensorBoard, Optional.of(uri), environment);
  }
}
