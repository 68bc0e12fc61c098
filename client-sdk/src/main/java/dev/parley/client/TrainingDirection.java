package dev.parley.client;

/** In which order a model learns to read the turns of a dialogue. */
public enum TrainingDirection {
  /** From the first to the last: it answers. */
  FORWARD,
  /** From the last to the first: it ranks answers, see {@link ChatBuilder#mmiModel}. */
  BACKWARD
}
