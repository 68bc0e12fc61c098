package dev.parley.trainer.job;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Lora;
import dev.parley.model.registry.Direction;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.loop.LoopListener;
import dev.parley.trainer.loop.Recipe;
import dev.parley.trainer.loop.Schedule;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.LearningRateSchedule;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.TrainingDirection;
import dev.parley.v1.TrainingParameters;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.TreeMap;

/** The contract's parameters as the loop's recipe, and back. */
final class Recipes {
  /** Peft's default, and enough for the change of tone that a fine-tuning of dialogues is. */
  private static final int LORA_RANK = 8;

  /** Axolotl's guide: 1e-4 to 3e-4 for adapters where all weights take 1e-5 to 5e-5. */
  private static final double LORA_RATE = 4;

  /** Enough to learn a batch by heart with the presets' rates. */
  private static final int OVERFIT_STEPS = 200;

  private Recipes() {}

  /**
   * Fills in what a request leaves open, from its preset.
   *
   * @param p as {@link RequestValidation} accepts it
   * @throws IllegalArgumentException if it does not fit the model or the device
   */
  static Recipe of(TrainingParameters p, Gpt2Config config, Device device) {
    Recipe preset = Recipe.preset(p.hasPreset() ? p.getPreset() : "default", config);
    int maxLength = p.hasMaxLength() ? p.getMaxLength() : preset.maxLength();
    if (maxLength > config.contextLength()) {
      throw new IllegalArgumentException(
          "parameters.max_length is %d, but the base model's context has %d tokens; lower it"
              .formatted(maxLength, config.contextLength()));
    }
    boolean overfit = p.getOverfitBatches() > 0;
    // max_steps alone decides alone; with both, whichever is reached first.
    OptionalDouble epochs =
        p.hasEpochs()
            ? OptionalDouble.of(p.getEpochs())
            : p.hasMaxSteps() || overfit ? OptionalDouble.empty() : preset.epochs();
    return new Recipe(
        preset.preset(),
        epochs,
        p.hasMaxSteps()
            ? OptionalInt.of(p.getMaxSteps())
            : overfit && !p.hasEpochs() ? OptionalInt.of(OVERFIT_STEPS) : preset.maxSteps(),
        p.hasBatchSize() ? p.getBatchSize() : preset.batchSize(),
        p.hasGradientAccumulation() ? p.getGradientAccumulation() : preset.gradientAccumulation(),
        p.hasLearningRate()
            ? p.getLearningRate()
            : preset.learningRate() * (p.hasLora() ? LORA_RATE : 1),
        schedule(p.getSchedule(), overfit ? Schedule.CONSTANT : preset.schedule()),
        p.hasWarmupSteps() ? OptionalInt.of(p.getWarmupSteps()) : preset.warmupSteps(),
        p.hasWeightDecay() ? p.getWeightDecay() : overfit ? 0 : preset.weightDecay(),
        p.hasMaxGradNorm() ? p.getMaxGradNorm() : preset.maxGradientNorm(),
        maxLength,
        policy(p.getLabelPolicy(), preset.labelPolicy()),
        p.hasEvaluationShare() ? p.getEvaluationShare() : preset.evaluationShare(),
        p.hasSeed() ? p.getSeed() : preset.seed(),
        arithmetic(p.hasPrecision() ? p.getPrecision() : "auto", device),
        p.hasDropout() ? p.getDropout() : overfit ? 0 : preset.dropout(),
        p.hasEvaluationSteps() ? p.getEvaluationSteps() : preset.evaluationSteps(),
        p.hasPatience() ? p.getPatience() : preset.patience(),
        new Recipe.Footprint(
            p.hasLora() ? Optional.of(lora(p.getLora())) : Optional.empty(),
            p.getGradientCheckpointing()));
  }

  private static Lora lora(dev.parley.v1.Lora lora) {
    int rank = lora.hasRank() ? lora.getRank() : LORA_RANK;
    return new Lora(
        rank,
        lora.hasAlpha() ? lora.getAlpha() : 2 * rank,
        lora.getDropout(),
        lora.getTargetsCount() == 0
            ? List.of(Lora.Projection.values())
            : lora.getTargetsList().stream().map(Lora.Projection::of).toList());
  }

  private static dev.parley.v1.Lora lora(Lora lora) {
    return dev.parley.v1.Lora.newBuilder()
        .setRank(lora.rank())
        .setAlpha(lora.alpha())
        .setDropout(lora.dropout())
        .addAllTargets(lora.targets().stream().map(Lora.Projection::key).toList())
        .build();
  }

  /** The device that a request names; `auto` where it names none. */
  static Device device(TrainingParameters p) {
    return Torch.device(p.hasDevice() ? p.getDevice() : "auto");
  }

  private static Schedule schedule(LearningRateSchedule schedule, Schedule preset) {
    return switch (schedule) {
      case LEARNING_RATE_SCHEDULE_LINEAR -> Schedule.LINEAR;
      case LEARNING_RATE_SCHEDULE_COSINE -> Schedule.COSINE;
      case LEARNING_RATE_SCHEDULE_CONSTANT -> Schedule.CONSTANT;
      case LEARNING_RATE_SCHEDULE_NOAM -> Schedule.NOAM;
      case LEARNING_RATE_SCHEDULE_UNSPECIFIED, UNRECOGNIZED -> preset;
    };
  }

  private static dev.parley.trainer.data.LabelPolicy policy(
      LabelPolicy policy, dev.parley.trainer.data.LabelPolicy preset) {
    return switch (policy) {
      case LABEL_POLICY_ALL -> dev.parley.trainer.data.LabelPolicy.ALL;
      case LABEL_POLICY_REPLIES -> dev.parley.trainer.data.LabelPolicy.REPLIES;
      case LABEL_POLICY_ASSISTANT -> dev.parley.trainer.data.LabelPolicy.ASSISTANT;
      case LABEL_POLICY_LAST -> dev.parley.trainer.data.LabelPolicy.LAST;
      case LABEL_POLICY_PADDED -> dev.parley.trainer.data.LabelPolicy.PADDED;
      case LABEL_POLICY_UNSPECIFIED, UNRECOGNIZED -> preset;
    };
  }

  private static DataType arithmetic(String precision, Device device) {
    return switch (precision) {
      case "auto" -> device.isGpu() ? DataType.BFLOAT16 : DataType.FLOAT32;
      case "fp32" -> DataType.FLOAT32;
      case "bf16" -> DataType.BFLOAT16;
      case "fp16" -> {
        if (!device.isGpu()) {
          throw new IllegalArgumentException(
              "parameters.precision is fp16, but the device is %s, where it is slower than fp32 and no smaller; use fp32 or bf16"
                  .formatted(Torch.name(device)));
        }
        yield DataType.FLOAT16;
      }
      default -> throw new IllegalArgumentException("parameters.precision is " + precision);
    };
  }

  private static String precision(DataType arithmetic) {
    return switch (arithmetic) {
      case BFLOAT16 -> "bf16";
      case FLOAT16 -> "fp16";
      default -> "fp32";
    };
  }

  /** The policy in the contract's words. */
  static LabelPolicy policy(dev.parley.trainer.data.LabelPolicy policy) {
    return switch (policy) {
      case ALL -> LabelPolicy.LABEL_POLICY_ALL;
      case REPLIES -> LabelPolicy.LABEL_POLICY_REPLIES;
      case ASSISTANT -> LabelPolicy.LABEL_POLICY_ASSISTANT;
      case LAST -> LabelPolicy.LABEL_POLICY_LAST;
      case PADDED -> LabelPolicy.LABEL_POLICY_PADDED;
    };
  }

  /** In which order turns are read, the default filled in. */
  static Direction direction(TrainingParameters p) {
    return p.getDirection() == TrainingDirection.TRAINING_DIRECTION_BACKWARD
        ? Direction.BACKWARD
        : Direction.FORWARD;
  }

  /** When a version is promoted, the default filled in. */
  static PromotionPolicy promotion(TrainingParameters p) {
    return p.getPromotion() == PromotionPolicy.PROMOTION_POLICY_UNSPECIFIED
        ? PromotionPolicy.PROMOTION_POLICY_IF_BETTER
        : p.getPromotion();
  }

  /** Every parameter of a training, none left open. */
  static TrainingParameters parameters(
      Recipe recipe,
      LoopListener.Plan plan,
      Device device,
      PromotionPolicy promotion,
      PreparedData data,
      CheckpointPolicy checkpoints) {
    TrainingParameters.Builder parameters = TrainingParameters.newBuilder();
    recipe.footprint().lora().ifPresent(lora -> parameters.setLora(lora(lora)));
    if (recipe.footprint().recompute()) {
      parameters.setGradientCheckpointing(true);
    }
    if (data.overfitBatches() > 0) {
      parameters.setOverfitBatches(data.overfitBatches());
    }
    return parameters
        .setPreset(recipe.preset())
        .setEpochs(recipe.epochs().orElse((double) plan.totalSteps() / plan.stepsPerEpoch()))
        .setMaxSteps(plan.totalSteps())
        .setBatchSize(recipe.batchSize())
        .setGradientAccumulation(recipe.gradientAccumulation())
        .setLearningRate(recipe.learningRate())
        .setSchedule(
            switch (recipe.schedule()) {
              case LINEAR -> LearningRateSchedule.LEARNING_RATE_SCHEDULE_LINEAR;
              case COSINE -> LearningRateSchedule.LEARNING_RATE_SCHEDULE_COSINE;
              case CONSTANT -> LearningRateSchedule.LEARNING_RATE_SCHEDULE_CONSTANT;
              case NOAM -> LearningRateSchedule.LEARNING_RATE_SCHEDULE_NOAM;
            })
        .setWarmupSteps(plan.warmupSteps())
        .setWeightDecay(recipe.weightDecay())
        .setMaxGradNorm(recipe.maxGradientNorm())
        .setMaxLength(recipe.maxLength())
        .setLabelPolicy(policy(recipe.labelPolicy()))
        .setEvaluationShare(recipe.evaluationShare())
        .setSeed(recipe.seed())
        .setPrecision(precision(recipe.arithmetic()))
        .setDropout(recipe.dropout())
        .setEvaluationSteps(recipe.evaluationSteps())
        .setDevice(Torch.name(device))
        .setPromotion(promotion)
        .setDirection(
            switch (data.direction()) {
              case FORWARD -> TrainingDirection.TRAINING_DIRECTION_FORWARD;
              case BACKWARD -> TrainingDirection.TRAINING_DIRECTION_BACKWARD;
            })
        .setCheckpointSteps(checkpoints.steps())
        .setCheckpointInterval(Durations.fromNanos(checkpoints.interval().toNanos()))
        .setKeepCheckpoints(checkpoints.keep())
        .setPatience(recipe.patience())
        .build();
  }

  /**
   * The parameters of a job that goes on: those that it began with, so that another default of a
   * newer version changes nothing. The device may be another one.
   */
  static TrainingParameters resumed(TrainingParameters began, TrainingParameters requested) {
    TrainingParameters.Builder parameters = began.toBuilder();
    return requested.hasDevice()
        ? parameters.setDevice(requested.getDevice()).build()
        : parameters.clearDevice().build();
  }

  /** Parameters by name, for a version's lineage. */
  static Map<String, String> byName(TrainingParameters parameters) {
    Map<String, String> names = new TreeMap<>();
    for (Map.Entry<FieldDescriptor, Object> field : parameters.getAllFields().entrySet()) {
      Object value = field.getValue();
      if (value instanceof dev.parley.v1.Lora lora) {
        names.put("lora_rank", Integer.toString(lora.getRank()));
        names.put("lora_alpha", Double.toString(lora.getAlpha()));
        names.put("lora_dropout", Double.toString(lora.getDropout()));
        names.put("lora_targets", String.join(",", lora.getTargetsList()));
      } else {
        names.put(
            field.getKey().getName(),
            value instanceof Duration duration ? Durations.toString(duration) : value.toString());
      }
    }
    return names;
  }
}
