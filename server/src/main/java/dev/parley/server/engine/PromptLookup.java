package dev.parley.server.engine;

import java.util.Arrays;

/**
 * Guesses how a reply goes on: as the conversation went on where its last words stood before
 * (prompt lookup decoding, Saxena 2023). It costs a search in a few hundred tokens and no model.
 */
final class PromptLookup {
  private static final int[] NONE = {};

  /** So many last tokens are looked for first: a longer context is right more often. */
  private static final int LONGEST = 3;

  /** Fewer are not: single tokens stand everywhere. */
  private static final int SHORTEST = 2;

  private PromptLookup() {}

  /**
   * The next tokens, if the last ones stand somewhere before; the latest such place counts.
   *
   * @param endOfText never guessed, nor anything after it: nothing is read after the end
   * @return at most {@code most} of them
   */
  static int[] guess(TokenBuffer tokens, int most, int endOfText) {
    for (int length = LONGEST; length >= SHORTEST && most > 0; length--) {
      int from = tokens.size() - length;
      if (from <= 0) {
        continue;
      }
      int[] last = tokens.slice(from, tokens.size());
      for (int end = tokens.size() - 1; end >= length; end--) {
        if (tokens.endsWith(end, last, length)) {
          return following(tokens, end, most, endOfText);
        }
      }
    }
    return NONE;
  }

  /** What stands from {@code start} on; past the end of the tokens, the guesses themselves. */
  private static int[] following(TokenBuffer tokens, int start, int most, int endOfText) {
    int[] guesses = new int[most];
    for (int i = 0; i < most; i++) {
      int at = start + i;
      guesses[i] = at < tokens.size() ? tokens.get(at) : guesses[at - tokens.size()];
      if (guesses[i] == endOfText) {
        return Arrays.copyOf(guesses, i);
      }
    }
    return guesses;
  }
}
