package dev.parley.trainer.loop;

/** How the learning rate moves: up during the warm-up, then as its name says. */
public enum Schedule {
  /** Falls in a straight line to 0 after the last step. */
  LINEAR,
  /** Falls along half a cosine to 0 after the last step. */
  COSINE,
  /** Stays. */
  CONSTANT,
  /**
   * Falls with the inverse square root of the step (Vaswani et al. 2017), as DialoGPT's trainer has
   * it. That one is told a base rate b, 1e-5 by default; its highest rate, which is what {@link
   * #rate} wants, is {@code b * 1e4 / sqrt(embeddingSize * warmupSteps)}.
   */
  NOAM;

  /**
   * The learning rate of a step. LINEAR, COSINE and CONSTANT are those of Hugging Face's {@code
   * get_*_schedule_with_warmup}: the first of several warm-up steps has rate 0.
   *
   * @param index of the step, from 0
   * @param highest the rate at the end of the warm-up
   * @param warmupSteps at least 0
   * @param totalSteps of the training
   */
  public double rate(int index, double highest, int warmupSteps, int totalSteps) {
    if (this == NOAM) {
      double peak = Math.max(1, warmupSteps);
      double step = index + 1.0;
      return highest * Math.min(step / peak, Math.sqrt(peak / step));
    }
    if (index < warmupSteps) {
      return highest * index / warmupSteps;
    }
    double done = (double) (index - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return switch (this) {
      case LINEAR -> highest * Math.max(0, 1 - done);
      case COSINE -> highest * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done)));
      case CONSTANT, NOAM -> highest;
    };
  }
}
