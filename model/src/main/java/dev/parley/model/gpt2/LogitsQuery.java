package dev.parley.model.gpt2;

/**
 * What is wanted of the logits after one token. The best token is always told.
 *
 * @param greatest how many of the greatest logits; 0 for none, at most the vocabulary counts
 * @param temperature of the sum over all tokens of {@code exp((logit - greatest) / temperature)}; 0
 *     for none
 * @param tokens whose logits are wanted however small they are
 */
public record LogitsQuery(int greatest, float temperature, int[] tokens) {
  private static final int[] NO_TOKENS = {};

  /** The best token alone. */
  public static final LogitsQuery BEST = new LogitsQuery(0, 0, NO_TOKENS);

  /** The best token and this many of the greatest logits. */
  public static LogitsQuery greatest(int count) {
    return new LogitsQuery(count, 0, NO_TOKENS);
  }
}
