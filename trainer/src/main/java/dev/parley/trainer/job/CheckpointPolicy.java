package dev.parley.trainer.job;

import com.google.protobuf.util.Durations;
import dev.parley.v1.TrainingParameters;
import java.time.Duration;

/**
 * When checkpoints are written, and how many are kept.
 *
 * @param steps between two; 0: none by steps
 * @param interval between two; zero: none by time
 * @param keep the newest, at least 1
 * @param keepAfterFinish whether they stay when the version is registered
 */
record CheckpointPolicy(int steps, Duration interval, int keep, boolean keepAfterFinish) {
  /** What a crash may cost at most, where checkpoints are quick to write. */
  static final Duration DEFAULT_INTERVAL = Duration.ofMinutes(5);

  /** One more than needed: the newest may turn out damaged. */
  static final int DEFAULT_KEEP = 2;

  /** Of a request; defaults where it says nothing. */
  static CheckpointPolicy of(TrainingParameters p) {
    return new CheckpointPolicy(
        p.getCheckpointSteps(),
        p.hasCheckpointInterval()
            ? Duration.ofNanos(Durations.toNanos(p.getCheckpointInterval()))
            : DEFAULT_INTERVAL,
        p.hasKeepCheckpoints() ? p.getKeepCheckpoints() : DEFAULT_KEEP,
        p.hasKeepCheckpoints());
  }
}
