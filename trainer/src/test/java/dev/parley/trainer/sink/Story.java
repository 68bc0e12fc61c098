package dev.parley.trainer.sink;

import com.google.protobuf.util.Timestamps;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.JobCancelled;
import dev.parley.v1.JobCreated;
import dev.parley.v1.JobFailed;
import dev.parley.v1.JobFinished;
import dev.parley.v1.JobInterrupted;
import dev.parley.v1.JobResumed;
import dev.parley.v1.JobStarted;
import dev.parley.v1.LearningRateSchedule;
import dev.parley.v1.Sample;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;
import dev.parley.v1.TrainingUpdate;
import java.util.ArrayList;
import java.util.List;

/** A job's event log in memory, as a trainer would write it. Safe for several threads. */
final class Story {
  private static final long START_MILLIS = 1_700_000_000_000L;

  private final List<TrainingUpdate> updates = new ArrayList<>();

  /** Every update so far. */
  synchronized List<TrainingUpdate> all() {
    return List.copyOf(updates);
  }

  /** A reader, as of an event log. */
  TrainingSinks.Updates from(long sequence) {
    return new TrainingSinks.Updates() {
      private int next = (int) sequence - 1;

      @Override
      public List<TrainingUpdate> next(int most) {
        List<TrainingUpdate> all = all();
        List<TrainingUpdate> some =
            List.copyOf(all.subList(next, Math.min(all.size(), next + most)));
        next += some.size();
        return some;
      }
    };
  }

  TrainingUpdate created() {
    return add(
        TrainingUpdate.newBuilder()
            .setCreated(
                JobCreated.newBuilder()
                    .setJobId("20260101-000000-abcdef")
                    .setRequest(
                        TrainRequest.newBuilder()
                            .setModelName("shop")
                            .setBaseModel("parley-tiny"))));
  }

  TrainingUpdate started() {
    return add(
        TrainingUpdate.newBuilder()
            .setStarted(
                JobStarted.newBuilder()
                    .setDevice("cpu")
                    .setTotalSteps(100)
                    .setTrainingDialogues(8)
                    .setParameters(
                        TrainingParameters.newBuilder()
                            .setLearningRate(0.001)
                            .setBatchSize(4)
                            .setSeed(-1)
                            .setPrecision("fp32")
                            .setSchedule(LearningRateSchedule.LEARNING_RATE_SCHEDULE_COSINE))));
  }

  TrainingUpdate step(int step) {
    return add(
        TrainingUpdate.newBuilder()
            .setStep(
                StepFinished.newBuilder()
                    .setStep(step)
                    .setTotalSteps(100)
                    .setEpoch(step / 10.0)
                    .setLoss(10.0 / step)
                    .setLearningRate(0.001 * step)
                    .setGradientNorm(step == 3 ? Double.NaN : 1.5)
                    .setTokensPerSecond(1000 + step)));
  }

  TrainingUpdate evaluation(int step) {
    return add(
        TrainingUpdate.newBuilder()
            .setEvaluation(
                EvaluationFinished.newBuilder()
                    .setStep(step)
                    .setLoss(2.5)
                    .setPerplexity(12.25)
                    .addSamples(
                        Sample.newBuilder().setPrompt("Is it | open?").setReply("Yes,\nit is."))));
  }

  TrainingUpdate interrupted(int step, int checkpointStep) {
    return add(
        TrainingUpdate.newBuilder()
            .setInterrupted(
                JobInterrupted.newBuilder().setStep(step).setCheckpointStep(checkpointStep)));
  }

  TrainingUpdate resumed(int step) {
    return add(
        TrainingUpdate.newBuilder()
            .setResumed(JobResumed.newBuilder().setStep(step).setAttempt(1)));
  }

  TrainingUpdate finished(int steps) {
    return add(
        TrainingUpdate.newBuilder()
            .setFinished(
                JobFinished.newBuilder()
                    .setModel("shop")
                    .setVersion(3)
                    .setSteps(steps)
                    .setLossBefore(9)
                    .setLossAfter(2.5)
                    .setPromotionReason("first version of shop")));
  }

  TrainingUpdate failed(String message) {
    return add(
        TrainingUpdate.newBuilder()
            .setFailed(
                JobFailed.newBuilder()
                    .setStatus(com.google.rpc.Status.newBuilder().setMessage(message))));
  }

  TrainingUpdate cancelled() {
    return add(TrainingUpdate.newBuilder().setCancelled(JobCancelled.newBuilder()));
  }

  private synchronized TrainingUpdate add(TrainingUpdate.Builder update) {
    long sequence = updates.size() + 1L;
    TrainingUpdate whole =
        update
            .setSequence(sequence)
            .setTime(Timestamps.fromMillis(START_MILLIS + 1000 * sequence))
            .build();
    updates.add(whole);
    return whole;
  }
}
