package dev.parley.client.testing;

import dev.parley.v1.CheckpointWritten;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.JobFailed;
import dev.parley.v1.JobFinished;
import dev.parley.v1.JobInterrupted;
import dev.parley.v1.JobStarted;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingUpdate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The course of one job of a {@link FakeParleyServer}; the creation of the job comes by itself, and
 * sequences and times are filled in. Not thread-safe; not to be changed once it is given away.
 */
public final class FakeTraining {
  /** One thing that happens: an update, a wait, or the loss of the connection. */
  record Item(
      @Nullable TrainingUpdate update, @Nullable CompletableFuture<?> until, boolean loss) {}

  private final List<Item> items = new ArrayList<>();

  private FakeTraining() {}

  /** A job that starts. */
  public static FakeTraining starting(int totalSteps) {
    return new FakeTraining()
        .update(
            TrainingUpdate.newBuilder()
                .setStarted(JobStarted.newBuilder().setTotalSteps(totalSteps).setDevice("cpu"))
                .build());
  }

  /** A job that fails before it starts. */
  public static FakeTraining failing(FakeError error) {
    return new FakeTraining().failed(error);
  }

  /** One optimiser step. */
  public FakeTraining step(int step, double loss) {
    return update(
        TrainingUpdate.newBuilder()
            .setStep(StepFinished.newBuilder().setStep(step).setLoss(loss))
            .build());
  }

  /** An evaluation; step 0 is before the first. */
  public FakeTraining evaluation(int step, double loss) {
    return update(
        TrainingUpdate.newBuilder()
            .setEvaluation(
                EvaluationFinished.newBuilder()
                    .setStep(step)
                    .setLoss(loss)
                    .setPerplexity(Math.exp(loss))
                    .setLabelPolicy(LabelPolicy.LABEL_POLICY_REPLIES))
            .build());
  }

  /** A checkpoint. */
  public FakeTraining checkpoint(int step, String path) {
    return update(
        TrainingUpdate.newBuilder()
            .setCheckpoint(CheckpointWritten.newBuilder().setStep(step).setPath(path))
            .build());
  }

  /** The job is interrupted; nothing more happens until it is resumed. */
  public FakeTraining interrupted(int step, int checkpointStep) {
    return update(
        TrainingUpdate.newBuilder()
            .setInterrupted(
                JobInterrupted.newBuilder()
                    .setStep(step)
                    .setCheckpointStep(checkpointStep)
                    .setHeld(true))
            .build());
  }

  /** The job ends well; its version appears among the server's models. */
  public FakeTraining finished(double lossBefore, double lossAfter) {
    return update(
        TrainingUpdate.newBuilder()
            .setFinished(
                JobFinished.newBuilder()
                    .setLossBefore(lossBefore)
                    .setLossAfter(lossAfter)
                    .setPerplexityBefore(Math.exp(lossBefore))
                    .setPerplexityAfter(Math.exp(lossAfter))
                    .setLabelPolicy(LabelPolicy.LABEL_POLICY_REPLIES))
            .build());
  }

  /** The job ends without a version. */
  public FakeTraining failed(FakeError error) {
    return update(
        TrainingUpdate.newBuilder()
            .setFailed(JobFailed.newBuilder().setStatus(error.toProto()))
            .build());
  }

  /** Nothing more happens until the future is complete or the job is cancelled. */
  public FakeTraining pausedUntil(CompletableFuture<?> until) {
    items.add(new Item(null, until, false));
    return this;
  }

  /** Whoever watches loses the connection here, once. */
  public FakeTraining connectionLost() {
    items.add(new Item(null, null, true));
    return this;
  }

  /** Any update of the contract. */
  public FakeTraining update(TrainingUpdate update) {
    items.add(new Item(update, null, false));
    return this;
  }

  List<Item> items() {
    return List.copyOf(items);
  }
}
