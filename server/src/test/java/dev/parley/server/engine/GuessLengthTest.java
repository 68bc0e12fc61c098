package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class GuessLengthTest {
  private final GuessLength length = new GuessLength();

  @Test
  void next_atFirst_aFew() {
    assertThat(length.next()).isEqualTo(3);
  }

  @Test
  void next_guessesComeTrue_grows() {
    for (int i = 0; i < 5; i++) {
      length.checked(length.next(), length.next());
    }
    assertThat(length.next()).isGreaterThan(20);
  }

  @Test
  void next_guessesAreWrong_stopsAndTriesAgainNowAndThen() {
    for (int i = 0; i < 20; i++) {
      length.checked(1, 0);
    }
    int[] next = IntStream.range(0, 320).map(i -> length.next()).toArray();

    assertThat(next).containsOnly(0, 1);
    assertThat(IntStream.of(next).sum()).isEqualTo(10);
  }

  @Test
  void next_aTryComesTrueAfterAPause_goesOn() {
    for (int i = 0; i < 20; i++) {
      length.checked(1, 0);
    }
    length.checked(1, 1);

    assertThat(length.next()).isPositive();
  }
}
