package dev.parley.trainer.job;

import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.trainer.loop.CheckpointInfo.Origin;
import dev.parley.trainer.loop.CheckpointStore;
import dev.parley.trainer.loop.CheckpointStore.Checkpoint;
import dev.parley.trainer.loop.DamagedCheckpointException;
import dev.parley.trainer.loop.Progress;
import dev.parley.trainer.loop.Restored;
import dev.parley.v1.JobResumed;
import dev.parley.v1.JobStarted;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingParameters;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * From where a run of a job begins: its newest checkpoint that is whole, or the beginning.
 *
 * @param checkpoint whose files were all checked; empty for the beginning
 */
record Resumption(
    Optional<Checkpoint> checkpoint,
    Optional<JobStarted> began,
    Consumer<TrainingUpdate.Builder> events) {
  /**
   * Finds it, and writes down that the job goes on if it was interrupted. A checkpoint that is
   * damaged is reported and removed.
   */
  static Resumption find(
      JobDirectory job, JobState state, Consumer<TrainingUpdate.Builder> events) {
    if (state.job().getState() != TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED) {
      return new Resumption(Optional.empty(), Optional.empty(), events);
    }
    Optional<Checkpoint> newest;
    try {
      newest = newest(new CheckpointStore(job.checkpoints(), directory -> {}), events);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    events.accept(
        TrainingUpdate.newBuilder()
            .setResumed(
                JobResumed.newBuilder()
                    .setStep(newest.map(Resumption::step).orElse(0))
                    .setAttempt(state.job().getResumes() + 1)
                    .setPath(
                        newest.map(c -> c.directory().toAbsolutePath().toString()).orElse(""))));
    return new Resumption(newest, newest.isPresent() ? state.started() : Optional.empty(), events);
  }

  private static Optional<Checkpoint> newest(
      CheckpointStore store, Consumer<TrainingUpdate.Builder> events) throws IOException {
    store.clean();
    for (int step : store.steps()) {
      try {
        Checkpoint found = store.verified(step);
        store.prune(Integer.MAX_VALUE); // best weights that no checkpoint names are of a lost run
        return Optional.of(found);
      } catch (DamagedCheckpointException e) {
        store.discard(step);
        events.accept(
            Failures.warning(
                "CHECKPOINT_DAMAGED", step, e.getMessage() + "; the one before is taken"));
      }
    }
    store.prune(Integer.MAX_VALUE);
    return Optional.empty();
  }

  private static int step(Checkpoint checkpoint) {
    return checkpoint.info().progress().step();
  }

  /** The last step that is done. */
  int step() {
    return checkpoint.map(Resumption::step).orElse(0);
  }

  /** Training time of the runs before, as far as it was not lost. */
  double secondsBefore() {
    return checkpoint.map(c -> c.info().progress().seconds()).orElse(0.0);
  }

  /** The base that the training began with: an alias may name another version by now. */
  Optional<String> base() {
    return checkpoint.map(c -> c.info().origin().base());
  }

  /** The parameters to go on with. */
  TrainingParameters parameters(TrainingParameters requested) {
    return began
        .map(started -> Recipes.resumed(started.getParameters(), requested))
        .orElse(requested);
  }

  /**
   * Checks that the rest of the training would be that of the beginning.
   *
   * @throws Failures.JobChangedException if it would not
   */
  void requireSame(Origin now, int totalSteps) {
    if (checkpoint.isEmpty()) {
      return;
    }
    Origin then = checkpoint.get().info().origin();
    List<String> changes = new ArrayList<>();
    changed("the weights of the base " + now.base(), then.baseSha256(), now.baseSha256(), changes);
    changed("the training data", then.dataSha256(), now.dataSha256(), changes);
    changed("the evaluation data", then.evaluationSha256(), now.evaluationSha256(), changes);
    changed(
        "the number of steps",
        began.map(started -> Integer.toString(started.getTotalSteps())).orElse(""),
        Integer.toString(totalSteps),
        changes);
    if (!changes.isEmpty()) {
      throw new Failures.JobChangedException(
          "the job cannot go on from step %d: since it began, %s changed; put them back, or start a new job from %s"
              .formatted(step(), String.join(" and ", changes), checkpoint.get().directory()));
    }
    if (then.threads() != now.threads()) {
      events.accept(
          Failures.warning(
              "THREADS_CHANGED",
              step(),
              "the job began with %d threads and goes on with %d: sums are rounded otherwise, so the weights will not be the same bit for bit"
                  .formatted(then.threads(), now.threads())));
    }
  }

  private static void changed(String what, String then, String now, List<String> changes) {
    if (!then.equals(now)) {
      changes.add("%s (was %s, is %s)".formatted(what, shortened(then), shortened(now)));
    }
  }

  private static String shortened(String digest) {
    return digest.length() > 12 ? digest.substring(0, 12) + "…" : digest;
  }

  /** What the loop goes on with. Best weights that are damaged are reported and forgotten. */
  Optional<Restored> restored(CheckpointStore store, NDManager scope) {
    if (checkpoint.isEmpty()) {
      return Optional.empty();
    }
    Progress progress = checkpoint.get().info().progress();
    try {
      Optional<Gpt2Weights> best = store.best(checkpoint.get(), scope);
      return Optional.of(new Restored(progress, best));
    } catch (DamagedCheckpointException e) {
      events.accept(
          Failures.warning(
              "CHECKPOINT_DAMAGED",
              step(),
              e.getMessage() + "; the best evaluation from here on counts"));
      return Optional.of(new Restored(progress.withoutBest(), Optional.empty()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
