package dev.parley.trainer.job;

import dev.parley.v1.JobInterrupted;
import dev.parley.v1.JobStarted;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.util.Optional;

/**
 * A job as its updates describe it, one after the other. Not thread-safe.
 *
 * <pre>
 * CREATED     waits for its turn; nothing is done
 *   started → RUNNING      interrupted → INTERRUPTED      cancelled, failed → the end
 * RUNNING     a trainer works on it
 *   finished, failed, cancelled → the end                 interrupted → INTERRUPTED
 * INTERRUPTED no trainer works on it; it goes on from its newest checkpoint, or the beginning
 *   resumed → RUNNING      interrupted → INTERRUPTED      cancelled, failed → the end
 * FINISHED, FAILED, CANCELLED  final: no update follows
 * </pre>
 *
 * <p>A trainer that is killed writes nothing: its job stays RUNNING in the log until whoever finds
 * the log without a writer writes {@code interrupted}.
 */
public final class JobState {
  private final TrainingJob.Builder job = TrainingJob.newBuilder();
  private JobStarted started = JobStarted.getDefaultInstance();
  private boolean foreground;
  private boolean held;
  private int deaths;

  /** Takes the next update in. */
  public void apply(TrainingUpdate update) {
    job.setLastSequence(update.getSequence());
    switch (update.getUpdateCase()) {
      case CREATED ->
          job.setJobId(update.getCreated().getJobId())
              .setRequest(update.getCreated().getRequest())
              .setCreateTime(update.getTime())
              .setState(TrainingJobState.TRAINING_JOB_STATE_CREATED);
      case STARTED -> {
        started = update.getStarted();
        job.setTotalSteps(started.getTotalSteps())
            .setState(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
      }
      case CHECKPOINT -> {
        if (!update.getCheckpoint().getBest()) {
          job.setCheckpointStep(update.getCheckpoint().getStep());
          deaths = 0;
        }
      }
      case INTERRUPTED -> interrupted(update.getInterrupted());
      case RESUMED ->
          job.setStep(update.getResumed().getStep())
              .setCheckpointStep(update.getResumed().getStep())
              .setResumes(update.getResumed().getAttempt())
              .clearError()
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
      case EVALUATION, DOWNLOAD, WARNING, UPDATE_NOT_SET -> {}
    }
    if (update.hasCreated()) {
      foreground = update.getCreated().getForeground();
    }
  }

  private void interrupted(JobInterrupted interrupted) {
    job.setStep(interrupted.getStep())
        .setCheckpointStep(interrupted.getCheckpointStep())
        .setState(TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
    held = interrupted.getHeld();
    if (interrupted.hasCause()) {
      job.setError(interrupted.getCause());
      deaths++;
    } else {
      job.clearError();
    }
  }

  /** What the job said of itself when it first began; empty before. */
  Optional<JobStarted> started() {
    return started.getTotalSteps() == 0 ? Optional.empty() : Optional.of(started);
  }

  /** Whether the process that created the job runs it, and no server does. */
  public boolean foreground() {
    return foreground;
  }

  /** Whether an interrupted job waits for someone who resumes it. */
  public boolean held() {
    return held;
  }

  /** How often its trainer died since the last checkpoint. */
  public int deaths() {
    return deaths;
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
          TRAINING_JOB_STATE_INTERRUPTED,
          UNRECOGNIZED ->
          false;
    };
  }

  /** Whether this update is a job's last one. */
  public static boolean isLast(TrainingUpdate update) {
    return switch (update.getUpdateCase()) {
      case FINISHED, FAILED, CANCELLED -> true;
      case CREATED,
          STARTED,
          STEP,
          EVALUATION,
          CHECKPOINT,
          DOWNLOAD,
          INTERRUPTED,
          RESUMED,
          WARNING,
          UPDATE_NOT_SET ->
          false;
    };
  }
}
