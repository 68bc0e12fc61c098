package dev.parley.server.bench;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What several rounds gave: their median, the lowest and the highest. The median of an even number
 * is the mean of the two in the middle.
 */
public record Spread(double median, double lowest, double highest) {
  /**
   * Of one number of each sample.
   *
   * @param samples at least one
   */
  public static <T> Spread of(List<T> samples, ToDoubleFunction<T> number) {
    double[] sorted = samples.stream().mapToDouble(number).sorted().toArray();
    if (sorted.length == 0) {
      throw new IllegalArgumentException("there are no samples");
    }
    int middle = sorted.length / 2;
    double median =
        sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return new Spread(median, sorted[0], sorted[sorted.length - 1]);
  }
}
