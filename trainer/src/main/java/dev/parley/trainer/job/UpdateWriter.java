package dev.parley.trainer.job;

import ai.djl.Device;
import com.google.protobuf.util.Durations;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.loop.LoopListener;
import dev.parley.trainer.loop.Recipe;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.JobStarted;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.Sample;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingParameters;
import dev.parley.v1.TrainingUpdate;
import java.util.function.Consumer;

/** Writes down what the loop does, in the contract's words. */
final class UpdateWriter implements LoopListener {
  private final Consumer<TrainingUpdate.Builder> log;
  private final String jobId;
  private final Recipe recipe;
  private final Device device;
  private final PromotionPolicy promotion;
  private final CheckpointPolicy checkpoints;
  private final PreparedData data;
  private final long modelParameters;

  UpdateWriter(
      Consumer<TrainingUpdate.Builder> log,
      String jobId,
      Recipe recipe,
      Device device,
      PromotionPolicy promotion,
      CheckpointPolicy checkpoints,
      PreparedData data,
      long modelParameters) {
    this.log = log;
    this.jobId = jobId;
    this.recipe = recipe;
    this.device = device;
    this.promotion = promotion;
    this.checkpoints = checkpoints;
    this.data = data;
    this.modelParameters = modelParameters;
  }

  /** Every parameter. */
  TrainingParameters parameters(Plan plan) {
    return Recipes.parameters(recipe, plan, device, promotion, data, checkpoints);
  }

  @Override
  public void started(Plan plan) {
    log.accept(
        TrainingUpdate.newBuilder()
            .setStarted(
                JobStarted.newBuilder()
                    .setJobId(jobId)
                    .setParameters(parameters(plan))
                    .setTrainingDialogues(data.training().dialogues())
                    .setEvaluationDialogues(data.evaluation().dialogues())
                    .setTotalSteps(plan.totalSteps())
                    .setModelParameters(modelParameters)
                    .setTargetTokenShare(plan.targetShare())
                    .setPaddingShare(plan.paddingShare())
                    .setTruncatedShare(plan.shortenedShare())
                    .setDevice(Torch.name(device))));
  }

  @Override
  public void step(Step step) {
    log.accept(
        TrainingUpdate.newBuilder()
            .setStep(
                StepFinished.newBuilder()
                    .setStep(step.number())
                    .setTotalSteps(step.totalSteps())
                    .setEpoch(step.epoch())
                    .setLoss(step.loss())
                    .setLearningRate(step.learningRate())
                    .setGradientNorm(step.gradientNorm())
                    .setTargetTokens(step.targetTokens())
                    .setTokensPerSecond(step.tokensPerSecond())
                    .setTimeLeft(Durations.fromMillis(step.timeLeft().toMillis()))));
  }

  @Override
  public void evaluated(Evaluated evaluated) {
    EvaluationFinished.Builder finished =
        EvaluationFinished.newBuilder()
            .setStep(evaluated.step())
            .setLoss(evaluated.evaluation().loss())
            .setPerplexity(evaluated.evaluation().perplexity())
            .setTargetTokens(evaluated.evaluation().targetTokens())
            .setLabelPolicy(Recipes.policy(recipe.labelPolicy()));
    evaluated
        .samples()
        .forEach(
            sample ->
                finished.addSamples(
                    Sample.newBuilder().setPrompt(sample.prompt()).setReply(sample.reply())));
    evaluated.lossWithPadding().ifPresent(finished::setLossWithPadding);
    log.accept(TrainingUpdate.newBuilder().setEvaluation(finished));
  }
}
