package dev.parley.trainer.loop;

import dev.parley.trainer.loop.LoopListener.Evaluated;
import java.util.Optional;

/**
 * Where a training stands between two steps, beside its tensors. With weights, moments and this the
 * rest of a training is what it would have been without the break: the order of data, the learning
 * rate and all that is random are functions of the step.
 *
 * @param step optimiser steps that are done
 * @param loss of the last one, nats a learned token
 * @param before the base model's evaluation
 * @param best the evaluation with the lowest loss of those after a step, if there was one
 * @param evaluationsSinceBest evaluations after that one
 * @param nonFiniteSteps in a row, up to this one
 * @param seconds spent on training
 */
public record Progress(
    int step,
    double loss,
    Evaluated before,
    Optional<Evaluated> best,
    int evaluationsSinceBest,
    int nonFiniteSteps,
    double seconds) {
  /** The same, as if no evaluation had been made after a step. */
  public Progress withoutBest() {
    return new Progress(step, loss, before, Optional.empty(), 0, nonFiniteSteps, seconds);
  }
}
