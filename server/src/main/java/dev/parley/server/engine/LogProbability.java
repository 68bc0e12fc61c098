package dev.parley.server.engine;

import dev.parley.model.gpt2.Logits;
import java.util.Arrays;

/** The logarithm of a token's probability under a row of logits. */
final class LogProbability {
  /** Below e^-30 of the largest, 50,000 summands change nothing that a float shows. */
  private static final float NEGLIGIBLE = 30;

  private LogProbability() {}

  /**
   * log softmax(logits)[token], in nats. The whole row is fetched only where the sum that sampling
   * asked for is of no use.
   *
   * @param logits all finite
   * @param temperature that the sum in {@code logits} was asked for with
   */
  static double of(Logits logits, float temperature, int token) {
    int best = Arrays.binarySearch(logits.tokens(), logits.best());
    int known = Arrays.binarySearch(logits.tokens(), token);
    if (temperature == 1 && !Double.isNaN(logits.sum()) && best >= 0 && known >= 0) {
      return logits.values()[known] - logits.values()[best] - Math.log(logits.sum());
    }
    return of(logits.whole(), token);
  }

  private static double of(float[] logits, int token) {
    float max = Float.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    double sum = 0;
    for (float logit : logits) {
      float below = max - logit;
      if (below < NEGLIGIBLE) {
        sum += Math.exp(-below);
      }
    }
    return logits[token] - max - Math.log(sum);
  }
}
