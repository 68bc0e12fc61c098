package dev.parley.model.gpt2;

/**
 * The factor that lifts gradients into the range of fp16, as torch's GradScaler moves it: halved
 * when one was not finite, doubled after {@value #PATIENCE} steps that were.
 */
final class LossScale {
  static final double FIRST = 65_536;
  static final int PATIENCE = 2_000;
  private static final double LEAST = 1;

  private double value = FIRST;
  private int finiteSteps;
  private boolean lowered;

  double value() {
    return value;
  }

  /** Whether the last step was not finite, and the scale may have been too high for it. */
  boolean lowered() {
    return lowered;
  }

  /** Moves after a step. */
  void after(boolean finite) {
    lowered = !finite && value > LEAST;
    if (lowered) {
      value /= 2;
      finiteSteps = 0;
    } else if (finite && ++finiteSteps == PATIENCE) {
      value *= 2;
      finiteSteps = 0;
    }
  }

  /** All that it remembers. */
  float[] state() {
    return new float[] {(float) value, finiteSteps};
  }

  void restore(float[] state) {
    value = state[0];
    finiteSteps = (int) state[1];
  }
}
