package dev.parley.client;

/** How the learning rate moves after its warm-up. */
public enum LearningRateSchedule {
  /** Falls in a straight line to 0. */
  LINEAR,
  /** Falls along half a cosine to 0. */
  COSINE,
  CONSTANT,
  /** DialoGPT's own: proportional to the inverse square root of the step. */
  NOAM
}
