package dev.parley.trainer.data;

/**
 * Tokens that are fed to the model in one row, and what is to be learned at each of them.
 *
 * @param ids the tokens
 * @param labels the token after each of {@code ids}, or {@link #IGNORED} where it is not learned;
 *     the last one is the end of the last turn, which itself is never fed
 * @param shortened whether something to the left (or, of a turn that alone is too long, to the
 *     right) was cut off to fit the maximum length
 */
public record Sequence(int[] ids, int[] labels, boolean shortened) {
  /** The label of a position whose next token is not learned. */
  public static final int IGNORED = -1;

  /** How many tokens are learned. */
  public int targets() {
    int targets = 0;
    for (int label : labels) {
      if (label != IGNORED) {
        targets++;
      }
    }
    return targets;
  }
}
