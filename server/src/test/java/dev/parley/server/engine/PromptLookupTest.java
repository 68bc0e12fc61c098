package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PromptLookupTest {
  private static final int END = 99;

  private static int[] guess(int most, int... tokens) {
    return PromptLookup.guess(new TokenBuffer(tokens), most, END);
  }

  @Test
  void guess_lastTwoStoodBefore_whatFollowed() {
    assertThat(guess(3, 1, 2, 3, 4, 5, 6, 1, 2)).containsExactly(3, 4, 5);
  }

  @Test
  void guess_lastThreeStoodBefore_winOverALaterTwo() {
    assertThat(guess(1, 7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2)).containsExactly(3);
  }

  @Test
  void guess_severalPlaces_theLatest() {
    assertThat(guess(1, 1, 2, 3, 1, 2, 4, 1, 2)).containsExactly(4);
  }

  @Test
  void guess_aLoop_goesRoundAndRound() {
    assertThat(guess(5, 9, 1, 2, 1, 2)).containsExactly(1, 2, 1, 2, 1);
    assertThat(guess(4, 9, 3, 3, 3)).containsExactly(3, 3, 3, 3);
  }

  @Test
  void guess_theTurnEndedThere_nothingBehindIt() {
    assertThat(guess(4, 1, 2, 3, END, 5, 1, 2)).containsExactly(3);
    assertThat(guess(4, 1, 2, END, 5, 1, 2)).isEmpty();
  }

  @Test
  void guess_nothingStoodBefore_nothing() {
    assertThat(guess(4, 1, 2, 3, 4)).isEmpty();
    assertThat(guess(4, 1)).isEmpty();
    assertThat(guess(4, 1, 1)).isEmpty();
    assertThat(guess(0, 1, 2, 1, 2)).isEmpty();
  }
}
