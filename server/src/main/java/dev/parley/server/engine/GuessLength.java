package dev.parley.server.engine;

/**
 * How many tokens it pays to guess for a conversation, by the share of guesses that were right
 * lately.
 *
 * <p>The n-th guess helps where all before it are right too: with a share of a, in a^n of the
 * steps. It is worth its cost where that is above {@link #COST}.
 */
final class GuessLength {
  /**
   * What one more token costs, as a part of a step with one: 7 to 10 per cent, in every precision,
   * up to the tokens of {@link dev.parley.model.gpt2.Precision#nearlyFreeTokens}.
   */
  private static final double COST = 0.1;

  /** The weight of the latest guess: about the last five count. */
  private static final double WEIGHT = 0.2;

  /** Where guessing did not pay, one is made after so many steps: the talk may have turned. */
  private static final int PAUSE = 32;

  /** Between hope and evidence: three tokens at first. */
  private double share = 0.5;

  private int paused;

  /** How many tokens to guess in a step. */
  int next() {
    int length = share < 1 ? (int) (Math.log(COST) / Math.log(share)) : Integer.MAX_VALUE;
    if (length >= 1) {
      return length;
    }
    paused = (paused + 1) % PAUSE;
    return paused == 0 ? 1 : 0;
  }

  /** Guesses were checked, up to the first that was wrong. */
  void checked(int guessed, int accepted) {
    for (int i = 0; i < accepted; i++) {
      share += WEIGHT * (1 - share);
    }
    if (accepted < guessed) {
      share -= WEIGHT * share;
    }
  }
}
