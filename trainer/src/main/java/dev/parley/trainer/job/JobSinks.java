package dev.parley.trainer.job;

import dev.parley.trainer.sink.SinkSettings;
import dev.parley.trainer.sink.TrainingSinks;
import dev.parley.v1.JobWarning;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.util.List;

/** The other tools that hear how a job goes, and their failures in the contract's words. */
final class JobSinks implements AutoCloseable {
  private final TrainingSinks sinks;

  private JobSinks(TrainingSinks sinks) {
    this.sinks = sinks;
  }

  static JobSinks open(JobDirectory job, SinkSettings settings) {
    return new JobSinks(
        TrainingSinks.open(job.path(), settings, from -> job.events().tail(from)::poll));
  }

  void accept(TrainingUpdate update) {
    sinks.accept(update);
  }

  /**
   * What went wrong since the last call. Nothing follows a job's end in its log, and an
   * interruption is a run's last word.
   */
  List<TrainingUpdate.Builder> warnings(JobState state) {
    return state.ended()
            || state.job().getState() == TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED
        ? List.of()
        : sinks.warnings().stream()
            .map(
                warning ->
                    TrainingUpdate.newBuilder()
                        .setWarning(
                            JobWarning.newBuilder()
                                .setReason(warning.reason())
                                .setMessage(warning.message())
                                .setStep(state.job().getStep())))
            .toList();
  }

  @Override
  public void close() {
    sinks.close();
  }
}
