package dev.parley.trainer.job;

import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.text.TokenizerException;
import dev.parley.trainer.loop.CheckpointInfo;
import dev.parley.trainer.loop.CheckpointStore;
import dev.parley.trainer.loop.Checkpointer;
import dev.parley.trainer.loop.Progress;
import dev.parley.v1.CheckpointWritten;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Writes a job's checkpoints when they are due, and says so in its log. A disk that is full or
 * refuses costs a warning, and the checkpoints from before stay; the next one is tried when it is
 * due.
 */
final class JobCheckpoints implements Checkpointer {
  /** A job that took longer is worth a checkpoint before its version is registered. */
  private static final Duration WORTH_KEEPING = Duration.ofMinutes(1);

  /** Writing takes at most one part in so many of the time. */
  private static final int SHARE = 20;

  private final CheckpointStore store;
  private final CheckpointPolicy policy;
  private final TrainableGpt2 model;
  private final CheckpointInfo.Origin origin;
  private final int stepsPerEpoch;
  private final Consumer<TrainingUpdate.Builder> events;
  private final LongSupplier nanoTime;
  private int saved;
  private long last;
  private long cost;

  /**
   * The checkpoints of a job.
   *
   * @param saved the step that the job goes on from
   */
  JobCheckpoints(
      CheckpointStore store,
      CheckpointPolicy policy,
      TrainableGpt2 model,
      CheckpointInfo.Origin origin,
      int stepsPerEpoch,
      int saved,
      Consumer<TrainingUpdate.Builder> events,
      LongSupplier nanoTime) {
    this.store = store;
    this.policy = policy;
    this.model = model;
    this.origin = origin;
    this.stepsPerEpoch = stepsPerEpoch;
    this.saved = saved;
    this.events = events;
    this.nanoTime = nanoTime;
    this.last = nanoTime.getAsLong();
  }

  /** The step of the newest checkpoint; 0: there is none. */
  int saved() {
    return saved;
  }

  @Override
  public boolean due(int step, boolean end) {
    if (policy.steps() > 0 && step % policy.steps() == 0) {
      return true;
    }
    long elapsed = nanoTime.getAsLong() - last;
    long interval = policy.interval().toNanos();
    return interval > 0
        && (elapsed >= Math.max(interval, SHARE * cost)
            || (end && elapsed >= WORTH_KEEPING.toNanos()));
  }

  @Override
  public void save(Progress progress, Optional<Gpt2Weights> best) {
    int step = progress.step();
    if (step == saved) {
      return;
    }
    long start = nanoTime.getAsLong();
    try {
      Path directory = store.write(model, progress, best, origin, stepsPerEpoch);
      saved = step;
      events.accept(written(step, directory, false));
      store.prune(policy.keep());
    } catch (IOException | CheckpointException | TokenizerException | UncheckedIOException e) {
      events.accept(
          Failures.warning(
              "CHECKPOINT_FAILED",
              step,
              "the checkpoint of step %d could not be written: %s; training goes on, and %s"
                  .formatted(
                      step,
                      e.getMessage(),
                      saved == 0
                          ? "there is no earlier one"
                          : "the one of step %d stays".formatted(saved))));
    }
    last = nanoTime.getAsLong();
    cost = last - start;
  }

  @Override
  public void saveBest(int step, Gpt2Weights best) {
    try {
      events.accept(written(step, store.writeBest(step, best), true));
    } catch (IOException | CheckpointException | TokenizerException | UncheckedIOException e) {
      events.accept(
          Failures.warning(
              "CHECKPOINT_FAILED",
              step,
              "the best weights, of step %d, could not be written: %s"
                  .formatted(step, e.getMessage())));
    }
  }

  private static TrainingUpdate.Builder written(int step, Path directory, boolean best)
      throws IOException {
    return TrainingUpdate.newBuilder()
        .setCheckpoint(
            CheckpointWritten.newBuilder()
                .setStep(step)
                .setPath(directory.toAbsolutePath().toString())
                .setBest(best)
                .setSizeBytes(CheckpointStore.size(directory)));
  }
}
