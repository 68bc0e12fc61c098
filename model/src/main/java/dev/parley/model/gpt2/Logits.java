package dev.parley.model.gpt2;

import java.util.Arrays;
import java.util.Comparator;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * What is known of the logits after one token: some of them, in the order of their tokens, and a
 * bound for all the others. The whole row is fetched on demand, for as long as the step's {@link
 * StepLogits} is open. Not thread-safe.
 */
public final class Logits {
  private final int best;
  private final boolean finite;
  private final int[] tokens;
  private final float[] values;
  private final float bound;
  private final double sum;
  private final double place;
  private final int drawn;
  private final Supplier<float[]> whole;

  /**
   * A row of which a part is known.
   *
   * @param best the first token with the greatest logit
   * @param finite whether every logit is
   * @param tokens that are known, ascending
   * @param values their logits
   * @param bound no other token's logit is greater
   * @param sum as {@link LogitsQuery#temperature} asks for it, otherwise NaN
   * @param place as {@link LogitsQuery#place} says it
   * @param drawn the token there; -1 if none is asked for
   * @param whole all logits [vocabulary]
   */
  Logits(
      int best,
      boolean finite,
      int[] tokens,
      float[] values,
      float bound,
      double sum,
      double place,
      int drawn,
      Supplier<float[]> whole) {
    this.best = best;
    this.finite = finite;
    this.tokens = tokens;
    this.values = values;
    this.bound = bound;
    this.sum = sum;
    this.place = place;
    this.drawn = drawn;
    this.whole = whole;
  }

  /**
   * The answer to a query about a row in memory, as the program's {@code select} gives it about
   * rows on a device.
   *
   * @param whole [vocabulary]; kept
   */
  public static Logits of(float[] whole, LogitsQuery query) {
    int[] ranked =
        IntStream.range(0, whole.length)
            .boxed()
            .sorted(Comparator.comparing((Integer token) -> -whole[token])) // stable: lowest first
            .mapToInt(Integer::intValue)
            .toArray();
    int count = Math.min(query.greatest(), whole.length);
    int[] tokens =
        IntStream.concat(Arrays.stream(ranked, 0, count), Arrays.stream(query.tokens()))
            .distinct()
            .sorted()
            .toArray();
    float[] values = new float[tokens.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = whole[tokens[i]];
    }
    float max = whole[ranked[0]];
    boolean finite = true;
    double sum = 0;
    double[] sums = new double[whole.length];
    for (int i = 0; i < whole.length; i++) {
      finite &= Float.isFinite(whole[i]);
      sum += Math.exp(whole[i] / query.temperature() - (double) (max / query.temperature()));
      sums[i] = sum;
    }
    double goal = query.place() * sum;
    int drawn = IntStream.range(0, whole.length).filter(i -> sums[i] > goal).findFirst().orElse(-1);
    float bound = count > 0 ? whole[ranked[count - 1]] : max;
    return new Logits(
        ranked[0],
        finite,
        tokens,
        values,
        tokens.length == whole.length ? Float.NEGATIVE_INFINITY : bound,
        query.sums() ? sum : Double.NaN,
        query.place(),
        query.draws() ? drawn : -1,
        () -> whole);
  }

  /** The first token with the greatest logit; any token where not every logit is finite. */
  public int best() {
    return best;
  }

  /** Whether every logit is finite. */
  public boolean finite() {
    return finite;
  }

  /** The tokens whose logits are known, ascending; the caller leaves them as they are. */
  public int[] tokens() {
    return tokens;
  }

  /** The logits of {@link #tokens}; the caller leaves them as they are. */
  public float[] values() {
    return values;
  }

  /** No token that is not known has a greater logit. */
  public float bound() {
    return bound;
  }

  /** The sum over all tokens that was asked for, otherwise NaN. */
  public double sum() {
    return sum;
  }

  /** The token at a place, if it is the {@link LogitsQuery#place} asked about; otherwise -1. */
  public int drawn(double at) {
    return at == place ? drawn : -1;
  }

  /** Every logit [vocabulary]: a copy from the device. */
  public float[] whole() {
    return whole.get();
  }
}
