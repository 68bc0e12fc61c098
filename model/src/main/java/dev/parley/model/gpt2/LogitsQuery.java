package dev.parley.model.gpt2;

/**
 * What is wanted of the logits after one token. The best token is always told.
 *
 * @param greatest how many of the greatest logits; 0 for none, at most the vocabulary counts
 * @param temperature of the sum over all tokens of {@code exp((logit - greatest) / temperature)}; 0
 *     for none
 * @param tokens whose logits are wanted however small they are
 * @param place in [0, 1), for the token that is so far of the way through the probabilities at
 *     {@code temperature}, in the order of ids, in place of their sum; NaN for none
 */
public record LogitsQuery(int greatest, float temperature, int[] tokens, double place) {
  private static final int[] NO_TOKENS = {};

  /** Without a draw. */
  public LogitsQuery(int greatest, float temperature, int[] tokens) {
    this(greatest, temperature, tokens, Double.NaN);
  }

  /** The best token alone. */
  public static final LogitsQuery BEST = new LogitsQuery(0, 0, NO_TOKENS);

  /** The best token and this many of the greatest logits. */
  public static LogitsQuery greatest(int count) {
    return new LogitsQuery(count, 0, NO_TOKENS);
  }

  /**
   * The best token and one that is drawn from all.
   *
   * @param place a random number in [0, 1)
   */
  public static LogitsQuery draw(float temperature, double place) {
    return new LogitsQuery(0, temperature, NO_TOKENS, place);
  }

  boolean draws() {
    return !Double.isNaN(place);
  }

  boolean sums() {
    return temperature > 0 && !draws();
  }
}
