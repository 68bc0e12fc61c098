package dev.parley.cli;

import com.google.protobuf.util.Timestamps;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A training job as {@code parley jobs} shows it, from a home or from a server.
 *
 * @param state in lower case
 * @param queuePosition 1 is next; 0: it does not wait, or no server was asked
 */
record JobRow(
    String id,
    String state,
    String model,
    String base,
    String created,
    @Nullable String ended,
    int step,
    int totalSteps,
    int checkpointStep,
    int resumes,
    int queuePosition,
    @Nullable Double loss,
    @Nullable Integer version,
    @Nullable String error) {

  /** From a home. A job that nobody runs any more is interrupted, whatever its log says yet. */
  static JobRow of(JobDirectory directory) {
    TrainingJob job = directory.job();
    boolean gone =
        job.getState() == TrainingJobState.TRAINING_JOB_STATE_RUNNING && !directory.isRunning();
    TrainingJobState state =
        gone ? TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED : job.getState();
    return new JobRow(
        directory.id(),
        state.name().replace("TRAINING_JOB_STATE_", "").toLowerCase(Locale.ROOT),
        job.getRequest().getModelName(),
        job.getRequest().getBaseModel(),
        Timestamps.toString(job.getCreateTime()),
        job.hasEndTime() ? Timestamps.toString(job.getEndTime()) : null,
        job.getStep(),
        job.getTotalSteps(),
        job.getCheckpointStep(),
        job.getResumes(),
        0,
        job.hasLoss() ? job.getLoss() : null,
        job.hasVersion() ? job.getVersion() : null,
        job.hasError() ? job.getError().getMessage() : null);
  }

  /** From a server. */
  static JobRow of(dev.parley.client.TrainingJob job) {
    return new JobRow(
        job.jobId(),
        job.state().name().toLowerCase(Locale.ROOT),
        job.model(),
        job.base(),
        job.createTime().toString(),
        job.endTime().map(Object::toString).orElse(null),
        job.step(),
        job.totalSteps(),
        job.checkpointStep(),
        job.resumes(),
        job.queuePosition(),
        job.loss().isPresent() ? job.loss().getAsDouble() : null,
        job.version().isPresent() ? job.version().getAsInt() : null,
        job.error().map(Throwable::getMessage).orElse(null));
  }

  Map<String, @Nullable Object> map() {
    return Output.ordered(
        "job", id,
        "state", state,
        "model", model,
        "base", base,
        "created", created,
        "ended", ended,
        "step", step,
        "total_steps", totalSteps,
        "checkpoint_step", checkpointStep,
        "resumes", resumes,
        "queue_position", queuePosition,
        "loss", loss,
        "version", version,
        "error", error);
  }

  /** One line of a list. */
  String line() {
    String place = queuePosition > 0 ? "%s (%d)".formatted(state, queuePosition) : state;
    String steps = totalSteps > 0 ? "%d/%d".formatted(step, totalSteps) : "";
    return "%-28s %-16s %-20s %14s  %s"
        .formatted(id, place, version == null ? model : model + "@" + version, steps, created);
  }
}
