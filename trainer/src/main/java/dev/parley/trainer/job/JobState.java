package dev.parley.trainer.job;

import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;

/**
 * A job as its updates describe it, one after the other. Not thread-safe.
 *
 * <p>CREATED → RUNNING → FINISHED, FAILED or CANCELLED; the last three are final.
 */
public final class JobState {
  private final TrainingJob.Builder job = TrainingJob.newBuilder();

  /** Takes the next update in. */
  public void apply(TrainingUpdate update) {
    job.setLastSequence(update.getSequence());
    switch (update.getUpdateCase()) {
      case CREATED ->
          job.setJobId(update.getCreated().getJobId())
              .setRequest(update.getCreated().getRequest())
              .setCreateTime(update.getTime())
              .setState(TrainingJobState.TRAINING_JOB_STATE_CREATED);
      case STARTED ->
          job.setTotalSteps(update.getStarted().getTotalSteps())
              .setState(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
      case STEP -> job.setStep(update.getStep().getStep()).setLoss(update.getStep().getLoss());
      case FINISHED ->
          job.setVersion(update.getFinished().getVersion())
              .setEndTime(update.getTime())
              .setState(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
      case FAILED ->
          job.setError(update.getFailed().getStatus())
              .setEndTime(update.getTime())
              .setState(TrainingJobState.TRAINING_JOB_STATE_FAILED);
      case CANCELLED ->
          job.setEndTime(update.getTime()).setState(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
      case EVALUATION, CHECKPOINT, WARNING, DOWNLOAD, UPDATE_NOT_SET -> {}
    }
  }

  /** The job as it stands. */
  public TrainingJob job() {
    return job.build();
  }

  /** Whether nothing can follow. */
  public boolean ended() {
    return isFinal(job.getState());
  }

  /** Whether a job in this state has ended. */
  public static boolean isFinal(TrainingJobState state) {
    return switch (state) {
      case TRAINING_JOB_STATE_FINISHED, TRAINING_JOB_STATE_FAILED, TRAINING_JOB_STATE_CANCELLED ->
          true;
      case TRAINING_JOB_STATE_UNSPECIFIED,
          TRAINING_JOB_STATE_CREATED,
          TRAINING_JOB_STATE_RUNNING,
          UNRECOGNIZED ->
          false;
    };
  }

  /** Whether this update is a job's last one. */
  public static boolean isLast(TrainingUpdate update) {
    return switch (update.getUpdateCase()) {
      case FINISHED, FAILED, CANCELLED -> true;
      case CREATED, STARTED, STEP, EVALUATION, CHECKPOINT, WARNING, DOWNLOAD, UPDATE_NOT_SET ->
          false;
    };
  }
}
