package dev.parley.trainer.sink;

import com.google.protobuf.util.Timestamps;
import dev.parley.trainer.sink.MlflowClient.Metric;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.JobFinished;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingUpdate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What some updates come to for MLflow: curves, parameters, tags, and how the run stands. */
final class MlflowBatch {
  /** Updates whose metrics fit into one request: five each, and a thousand may be sent. */
  static final int UPDATES = 180;

  /** Longer tags are refused. */
  private static final int LONGEST_TAG = 4_000;

  final List<Metric> metrics = new ArrayList<>();
  final Map<String, String> parameters = new TreeMap<>();
  final Map<String, String> tags = new TreeMap<>();
  Optional<String> status = Optional.empty();
  Optional<Long> endMillis = Optional.empty();

  /** The batch of some updates, in their order. */
  static MlflowBatch of(List<TrainingUpdate> updates) {
    MlflowBatch batch = new MlflowBatch();
    updates.forEach(batch::add);
    return batch;
  }

  /** What a run is called, and what tells whose it is. */
  static Map<String, String> tags(String jobId, TrainRequest request) {
    Map<String, String> tags = new TreeMap<>();
    tags.put("parley.job_id", jobId);
    tags.put("parley.model", request.getModelName());
    tags.put("parley.base", request.getBaseModel());
    tags.put("mlflow.source.name", "parley");
    return tags;
  }

  private void add(TrainingUpdate update) {
    long millis = Timestamps.toMillis(update.getTime());
    switch (update.getUpdateCase()) {
      case STARTED -> {
        Hyperparameters.of(update.getStarted())
            .forEach((name, value) -> parameters.put(name, value.toString()));
        tags.put("parley.device", update.getStarted().getDevice());
        status = Optional.of("RUNNING");
      }
      case STEP -> step(millis, update.getStep());
      case EVALUATION -> evaluation(millis, update.getEvaluation());
      case FINISHED -> {
        JobFinished finished = update.getFinished();
        tags.put("parley.version", finished.getModel() + "@" + finished.getVersion());
        tags.put("parley.promotion", shortened(finished.getPromotionReason()));
        end("FINISHED", millis);
      }
      case FAILED -> {
        tags.put("parley.error", shortened(update.getFailed().getStatus().getMessage()));
        end("FAILED", millis);
      }
      case CANCELLED -> end("KILLED", millis);
      default -> {} // what has no curve
    }
  }

  private void end(String how, long millis) {
    status = Optional.of(how);
    endMillis = Optional.of(millis);
  }

  private void step(long millis, StepFinished step) {
    metric("train/loss", step.getLoss(), millis, step.getStep());
    metric("train/learning_rate", step.getLearningRate(), millis, step.getStep());
    metric("train/gradient_norm", step.getGradientNorm(), millis, step.getStep());
    metric("train/tokens_per_second", step.getTokensPerSecond(), millis, step.getStep());
    metric("train/epoch", step.getEpoch(), millis, step.getStep());
  }

  private void evaluation(long millis, EvaluationFinished evaluation) {
    metric("evaluation/loss", evaluation.getLoss(), millis, evaluation.getStep());
    metric("evaluation/perplexity", evaluation.getPerplexity(), millis, evaluation.getStep());
  }

  private void metric(String name, double value, long millis, long step) {
    metrics.add(Metric.of(name, value, millis, step));
  }

  private static String shortened(String text) {
    return text.length() <= LONGEST_TAG ? text : text.substring(0, LONGEST_TAG);
  }
}
