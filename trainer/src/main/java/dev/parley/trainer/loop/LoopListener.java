package dev.parley.trainer.loop;

import dev.parley.trainer.eval.Evaluation;
import dev.parley.trainer.eval.Sample;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;

/** Hears what a training does, on its thread, in order. */
public interface LoopListener {
  /** What is about to be done. */
  void started(Plan plan);

  /** An optimiser step is done. */
  void step(Step step);

  /** The model was evaluated. */
  void evaluated(Evaluated evaluated);

  /**
   * What is about to be done.
   *
   * @param targetShare learned tokens of all tokens, padding left out
   * @param paddingShare padding of all positions, in one epoch
   * @param shortenedShare shortened sequences of all
   */
  record Plan(
      int totalSteps,
      int stepsPerEpoch,
      int warmupSteps,
      double targetShare,
      double paddingShare,
      double shortenedShare) {}

  /**
   * An optimiser step.
   *
   * @param number from 1
   * @param epoch passes over the data so far, this step included
   * @param loss nats a learned token
   * @param gradientNorm before clipping
   * @param tokensPerSecond padding left out
   * @param timeLeft until the last step, as fast as so far
   */
  record Step(
      int number,
      int totalSteps,
      double epoch,
      double loss,
      double learningRate,
      double gradientNorm,
      int targetTokens,
      double tokensPerSecond,
      Duration timeLeft) {}

  /**
   * An evaluation.
   *
   * @param step after which it was made; 0 is before the first
   * @param lossWithPadding as the preset `seed` counts it, only with that
   */
  record Evaluated(
      int step, Evaluation evaluation, List<Sample> samples, OptionalDouble lossWithPadding) {}
}
