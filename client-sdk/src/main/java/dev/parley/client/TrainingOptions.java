package dev.parley.client;

import dev.parley.v1.Lora;
import dev.parley.v1.TrainingParameters;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How to train. What is not set is taken from the preset. Ranges are checked by the server, which
 * names every wrong field at once. Immutable.
 */
public final class TrainingOptions {
  private static final TrainingOptions DEFAULTS =
      new TrainingOptions(TrainingParameters.getDefaultInstance());

  private final TrainingParameters parameters;

  TrainingOptions(TrainingParameters parameters) {
    this.parameters = parameters;
  }

  /** Nothing set. */
  public static TrainingOptions defaults() {
    return DEFAULTS;
  }

  /** Starts with nothing set. */
  public static Builder builder() {
    return DEFAULTS.toBuilder();
  }

  /** Starts with what is set here. */
  public Builder toBuilder() {
    return new Builder(parameters.toBuilder());
  }

  /** As {@link Builder#preset}; empty: not set. */
  public Optional<String> preset() {
    return parameters.hasPreset() ? Optional.of(parameters.getPreset()) : Optional.empty();
  }

  /** As {@link Builder#epochs}; empty: not set. */
  public OptionalDouble epochs() {
    return parameters.hasEpochs()
        ? OptionalDouble.of(parameters.getEpochs())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#maxSteps}; empty: not set. */
  public OptionalInt maxSteps() {
    return parameters.hasMaxSteps()
        ? OptionalInt.of(parameters.getMaxSteps())
        : OptionalInt.empty();
  }

  /** As {@link Builder#batchSize}; empty: not set. */
  public OptionalInt batchSize() {
    return parameters.hasBatchSize()
        ? OptionalInt.of(parameters.getBatchSize())
        : OptionalInt.empty();
  }

  /** As {@link Builder#gradientAccumulation}; empty: not set. */
  public OptionalInt gradientAccumulation() {
    return parameters.hasGradientAccumulation()
        ? OptionalInt.of(parameters.getGradientAccumulation())
        : OptionalInt.empty();
  }

  /** As {@link Builder#learningRate}; empty: not set. */
  public OptionalDouble learningRate() {
    return parameters.hasLearningRate()
        ? OptionalDouble.of(parameters.getLearningRate())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#schedule}; empty: not set. */
  public Optional<LearningRateSchedule> schedule() {
    return parameters.hasSchedule()
        ? Optional.of(Convert.learningRateSchedule(parameters.getSchedule()))
        : Optional.empty();
  }

  /** As {@link Builder#warmupSteps}; empty: not set. */
  public OptionalInt warmupSteps() {
    return parameters.hasWarmupSteps()
        ? OptionalInt.of(parameters.getWarmupSteps())
        : OptionalInt.empty();
  }

  /** As {@link Builder#weightDecay}; empty: not set. */
  public OptionalDouble weightDecay() {
    return parameters.hasWeightDecay()
        ? OptionalDouble.of(parameters.getWeightDecay())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#maxGradNorm}; empty: not set. */
  public OptionalDouble maxGradNorm() {
    return parameters.hasMaxGradNorm()
        ? OptionalDouble.of(parameters.getMaxGradNorm())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#maxLength}; empty: not set. */
  public OptionalInt maxLength() {
    return parameters.hasMaxLength()
        ? OptionalInt.of(parameters.getMaxLength())
        : OptionalInt.empty();
  }

  /** As {@link Builder#direction}; empty: not set. */
  public Optional<TrainingDirection> direction() {
    return switch (parameters.getDirection()) {
      case TRAINING_DIRECTION_FORWARD -> Optional.of(TrainingDirection.FORWARD);
      case TRAINING_DIRECTION_BACKWARD -> Optional.of(TrainingDirection.BACKWARD);
      case TRAINING_DIRECTION_UNSPECIFIED, UNRECOGNIZED -> Optional.empty();
    };
  }

  /** As {@link Builder#labelPolicy}; empty: not set. */
  public Optional<LabelPolicy> labelPolicy() {
    return parameters.hasLabelPolicy()
        ? Optional.of(Convert.labelPolicy(parameters.getLabelPolicy()))
        : Optional.empty();
  }

  /** As {@link Builder#evaluationShare}; empty: not set. */
  public OptionalDouble evaluationShare() {
    return parameters.hasEvaluationShare()
        ? OptionalDouble.of(parameters.getEvaluationShare())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#seed}; empty: not set. */
  public OptionalLong seed() {
    return parameters.hasSeed() ? OptionalLong.of(parameters.getSeed()) : OptionalLong.empty();
  }

  /** As {@link Builder#precision}; empty: not set. */
  public Optional<String> precision() {
    return parameters.hasPrecision() ? Optional.of(parameters.getPrecision()) : Optional.empty();
  }

  /** As {@link Builder#dropout}; empty: not set. */
  public OptionalDouble dropout() {
    return parameters.hasDropout()
        ? OptionalDouble.of(parameters.getDropout())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#evaluationSteps}; empty: not set. */
  public OptionalInt evaluationSteps() {
    return parameters.hasEvaluationSteps()
        ? OptionalInt.of(parameters.getEvaluationSteps())
        : OptionalInt.empty();
  }

  /** As {@link Builder#device}; empty: not set. */
  public Optional<String> device() {
    return parameters.hasDevice() ? Optional.of(parameters.getDevice()) : Optional.empty();
  }

  /** As {@link Builder#promotion}; empty: not set. */
  public Optional<PromotionPolicy> promotion() {
    return parameters.hasPromotion()
        ? Optional.of(Convert.promotionPolicy(parameters.getPromotion()))
        : Optional.empty();
  }

  /** As {@link Builder#checkpointSteps}; empty: not set. */
  public OptionalInt checkpointSteps() {
    return parameters.hasCheckpointSteps()
        ? OptionalInt.of(parameters.getCheckpointSteps())
        : OptionalInt.empty();
  }

  /** As {@link Builder#checkpointInterval}; empty: not set. */
  public Optional<Duration> checkpointInterval() {
    return parameters.hasCheckpointInterval()
        ? Optional.of(Convert.duration(parameters.getCheckpointInterval()))
        : Optional.empty();
  }

  /** As {@link Builder#keepCheckpoints}; empty: not set. */
  public OptionalInt keepCheckpoints() {
    return parameters.hasKeepCheckpoints()
        ? OptionalInt.of(parameters.getKeepCheckpoints())
        : OptionalInt.empty();
  }

  /** As {@link Builder#patience}; empty: not set. */
  public OptionalInt patience() {
    return parameters.hasPatience()
        ? OptionalInt.of(parameters.getPatience())
        : OptionalInt.empty();
  }

  TrainingParameters toProto() {
    return parameters;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof TrainingOptions options && options.parameters.equals(parameters);
  }

  @Override
  public int hashCode() {
    return parameters.hashCode();
  }

  @Override
  public String toString() {
    return "TrainingOptions{" + parameters.toString().strip().replace('\n', ' ') + "}";
  }

  /** Collects options. Not thread-safe. */
  public static final class Builder {
    private final TrainingParameters.Builder parameters;

    private Builder(TrainingParameters.Builder parameters) {
      this.parameters = parameters;
    }

    /**
     * {@code default}, or {@code seed}: the recipe of the original DialoGPT fine-tuning
     * walk-through.
     */
    public Builder preset(String preset) {
      parameters.setPreset(preset);
      return this;
    }

    /** Passes over the data. */
    public Builder epochs(double epochs) {
      parameters.setEpochs(epochs);
      return this;
    }

    /** Optimiser steps; ends training where the epochs would not yet. */
    public Builder maxSteps(int maxSteps) {
      parameters.setMaxSteps(maxSteps);
      return this;
    }

    /** Sequences in one forward pass. */
    public Builder batchSize(int batchSize) {
      parameters.setBatchSize(batchSize);
      return this;
    }

    /** Forward passes in one optimiser step. */
    public Builder gradientAccumulation(int gradientAccumulation) {
      parameters.setGradientAccumulation(gradientAccumulation);
      return this;
    }

    /** The highest learning rate. */
    public Builder learningRate(double learningRate) {
      parameters.setLearningRate(learningRate);
      return this;
    }

    /** How the learning rate moves after its warm-up. */
    public Builder schedule(LearningRateSchedule schedule) {
      parameters.setSchedule(Convert.proto(schedule));
      return this;
    }

    /** Steps over which the learning rate rises to its highest. */
    public Builder warmupSteps(int warmupSteps) {
      parameters.setWarmupSteps(warmupSteps);
      return this;
    }

    /** Decoupled weight decay, not on biases and LayerNorm. */
    public Builder weightDecay(double weightDecay) {
      parameters.setWeightDecay(weightDecay);
      return this;
    }

    /** The gradient's global norm is clipped here; 0 does not clip. */
    public Builder maxGradNorm(double maxGradNorm) {
      parameters.setMaxGradNorm(maxGradNorm);
      return this;
    }

    /** The longest sequence, in tokens; context is cut from the left. */
    public Builder maxLength(int maxLength) {
      parameters.setMaxLength(maxLength);
      return this;
    }

    /** Which tokens are learned. */
    public Builder labelPolicy(LabelPolicy labelPolicy) {
      parameters.setLabelPolicy(Convert.proto(labelPolicy));
      return this;
    }

    /** In which order turns are read. */
    public Builder direction(TrainingDirection direction) {
      parameters.setDirection(
          dev.parley.v1.TrainingDirection.valueOf("TRAINING_DIRECTION_" + direction.name()));
      return this;
    }

    /** The share of the dialogues that is held out when there is no evaluation data. */
    public Builder evaluationShare(double evaluationShare) {
      parameters.setEvaluationShare(evaluationShare);
      return this;
    }

    /** Order of data, split, dropout; unsigned. */
    public Builder seed(long seed) {
      parameters.setSeed(seed);
      return this;
    }

    /** {@code auto}, {@code fp32}, {@code bf16} or {@code fp16}. */
    public Builder precision(String precision) {
      parameters.setPrecision(precision);
      return this;
    }

    /** Of embeddings, attention and residuals; the base model's where not set. */
    public Builder dropout(double dropout) {
      parameters.setDropout(dropout);
      return this;
    }

    /** Optimiser steps between evaluations; 0 evaluates before and after only. */
    public Builder evaluationSteps(int evaluationSteps) {
      parameters.setEvaluationSteps(evaluationSteps);
      return this;
    }

    /** {@code auto}, {@code cpu} or {@code cuda:N}. */
    public Builder device(String device) {
      parameters.setDevice(device);
      return this;
    }

    /** When the new version becomes its model's default. */
    public Builder promotion(PromotionPolicy promotion) {
      parameters.setPromotion(Convert.proto(promotion));
      return this;
    }

    /**
     * Trains adapters of a rank beside frozen weights (LoRA), in every projection, and merges them
     * into the version; the rest as the server has it.
     */
    public Builder lora(int rank) {
      parameters.setLora(Lora.newBuilder().setRank(rank));
      return this;
    }

    /**
     * Trains adapters beside frozen weights (LoRA) and merges them into the version.
     *
     * @param alpha the adapters count {@code alpha / rank} times
     * @param dropout of what goes into them, in [0, 1)
     * @param targets of attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj; empty: all of them
     */
    public Builder lora(int rank, double alpha, double dropout, List<String> targets) {
      parameters.setLora(
          Lora.newBuilder()
              .setRank(rank)
              .setAlpha(alpha)
              .setDropout(dropout)
              .addAllTargets(targets));
      return this;
    }

    /**
     * Less memory for about a third more time: layers are computed a second time on the way back.
     */
    public Builder gradientCheckpointing(boolean value) {
      parameters.setGradientCheckpointing(value);
      return this;
    }

    /**
     * A check of data and settings: learns the first so many batches by heart, and evaluates on
     * them; the loss has to come close to 0.
     */
    public Builder overfitBatches(int value) {
      parameters.setOverfitBatches(value);
      return this;
    }

    /** Optimiser steps between checkpoints; 0: only by time. */
    public Builder checkpointSteps(int checkpointSteps) {
      parameters.setCheckpointSteps(checkpointSteps);
      return this;
    }

    /** Time between checkpoints, 5 minutes where not set; zero: only by steps. */
    public Builder checkpointInterval(Duration checkpointInterval) {
      parameters.setCheckpointInterval(Convert.proto(checkpointInterval));
      return this;
    }

    /**
     * The newest checkpoints that are kept, beside the best; where not set, 2 until the job has
     * finished and none after.
     */
    public Builder keepCheckpoints(int keepCheckpoints) {
      parameters.setKeepCheckpoints(keepCheckpoints);
      return this;
    }

    /** Evaluations in a row without a new best one that end the training early; 0: none do. */
    public Builder patience(int patience) {
      parameters.setPatience(patience);
      return this;
    }

    /** The options as they are set now. */
    public TrainingOptions build() {
      return new TrainingOptions(parameters.build());
    }
  }
}
