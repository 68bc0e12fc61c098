package dev.parley.trainer.loop;

import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Lora;
import dev.parley.trainer.data.LabelPolicy;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * How to train: every hyper-parameter.
 *
 * @param epochs passes over the data; empty: as many as {@code maxSteps} takes
 * @param maxSteps optimiser steps at most; empty: as many as {@code epochs} take
 * @param batchSize sequences in a forward pass
 * @param gradientAccumulation forward passes in an optimiser step
 * @param learningRate the highest
 * @param warmupSteps empty: {@value #WARMUP_SHARE} of all steps
 * @param weightDecay decoupled; of matrices and embeddings only
 * @param maxGradientNorm the global norm is clipped here; 0 does not clip
 * @param maxLength of a sequence, in tokens
 * @param evaluationShare of the dialogues that is held out; 0 evaluates on the training data
 * @param seed of split, order and dropout
 * @param arithmetic of the forward and backward pass: FLOAT32, BFLOAT16 or FLOAT16; weights are
 *     always fp32
 * @param evaluationSteps optimiser steps between evaluations; 0: only before and after
 * @param patience evaluations in a row without a new best one that end the training; 0: none do
 * @param footprint what keeps the memory small
 */
public record Recipe(
    String preset,
    OptionalDouble epochs,
    OptionalInt maxSteps,
    int batchSize,
    int gradientAccumulation,
    double learningRate,
    Schedule schedule,
    OptionalInt warmupSteps,
    double weightDecay,
    double maxGradientNorm,
    int maxLength,
    LabelPolicy labelPolicy,
    double evaluationShare,
    long seed,
    DataType arithmetic,
    double dropout,
    int evaluationSteps,
    int patience,
    Footprint footprint) {
  /**
   * What keeps the memory small.
   *
   * @param lora adapters that are trained in place of the weights
   * @param recompute computes each layer a second time on the way back
   */
  public record Footprint(Optional<Lora> lora, boolean recompute) {
    /** All weights, everything kept. */
    public static final Footprint FULL = new Footprint(Optional.empty(), false);
  }

  /** The preset for a base that has everything still to learn, such as the embedded one. */
  public static final String SCRATCH = "scratch";

  /** The preset that counts a loss of its own, with the padding in it. */
  public static final String SEED = "seed";

  /** Axolotl's guide asks for 5 to 10 %; a fine-tuning of few hundred steps needs no more. */
  static final double WARMUP_SHARE = 0.05;

  /**
   * Good settings for a model of this shape.
   *
   * @throws IllegalArgumentException if there is no such preset
   */
  public static Recipe preset(String name, Gpt2Config config) {
    return switch (name) {
      case "default" ->
          new Recipe(
              name,
              OptionalDouble.of(
                  3), // DialoGPT's authors: "typically requires 1-2 epochs"; small sets need more
              OptionalInt.empty(),
              16, // fills two cores with short dialogues, and fits a small GPU
              1,
              learningRate(config),
              Schedule.COSINE, // the schedule of nanoGPT and llm.c
              OptionalInt.empty(),
              0.01, // as DialoGPT
              1, // the global norm that every toolkit clips at
              Math.min(
                  512, config.contextLength()), // few dialogues are longer; attention is square
              LabelPolicy.REPLIES, // as DialoGPT
              0.2,
              42,
              DataType.FLOAT32,
              config.dropout(), // what the base was trained with
              0,
              0,
              Footprint.FULL);
      case SCRATCH ->
          // Found with the embedded base on 150 dialogues: what is right for a trained base is by
          // far
          // too careful for random weights.
          new Recipe(
              name,
              OptionalDouble.of(12), // as many as it takes to learn short dialogues by heart
              OptionalInt.empty(),
              8, // many steps from little data
              1,
              4e-3, // with the default's rate, as many steps taught it next to nothing
              Schedule.COSINE,
              OptionalInt.empty(),
              0.01,
              1,
              Math.min(512, config.contextLength()),
              LabelPolicy.REPLIES,
              0.2,
              42,
              DataType.FLOAT32,
              0, // there is nothing yet to forget
              0,
              0,
              Footprint.FULL);
      case SEED ->
          // The walk-through: context and response in one sequence of 40 tokens, all of it learned,
          // with the settings of Hugging Face's Trainer where it names none.
          new Recipe(
              name,
              OptionalDouble.of(10),
              OptionalInt.empty(),
              8,
              1,
              5e-5,
              Schedule.LINEAR,
              OptionalInt.of(0),
              0.01,
              1,
              Math.min(40, config.contextLength()),
              LabelPolicy.ALL,
              0.2,
              42,
              DataType.FLOAT32,
              config.dropout(),
              0,
              0,
              Footprint.FULL);
      default ->
          throw new IllegalArgumentException(
              "preset '%s' is unknown: use default, scratch or seed".formatted(name));
    };
  }

  /**
   * 5e-5 for the published shapes, Hugging Face's default and close to DialoGPT's own highest rate
   * (4.9e-5 for 345M). Narrower models take and need a higher one: their gradients average over
   * fewer weights, and the embedded base has everything still to learn.
   */
  private static double learningRate(Gpt2Config config) {
    double narrow = Math.max(1, 768.0 / config.embeddingSize());
    return 5e-5 * Math.pow(narrow, 1.5);
  }

  /** How many optimiser steps an amount of data gives. */
  int totalSteps(int stepsPerEpoch) {
    int byEpochs =
        epochs.isPresent()
            ? (int) Math.min(Integer.MAX_VALUE, Math.ceil(epochs.getAsDouble() * stepsPerEpoch))
            : Integer.MAX_VALUE;
    return Math.max(1, Math.min(byEpochs, maxSteps.orElse(Integer.MAX_VALUE)));
  }

  /** How many of them warm up. */
  int warmupSteps(int totalSteps) {
    return warmupSteps.orElse((int) Math.round(WARMUP_SHARE * totalSteps));
  }
}
