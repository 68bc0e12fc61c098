package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpreadTest {
  @Test
  void of_oddNumber_theOneInTheMiddle() {
    assertThat(Spread.of(List.of(9.0, 1.0, 2.0), x -> x)).isEqualTo(new Spread(2, 1, 9));
  }

  @Test
  void of_evenNumber_betweenTheTwoInTheMiddle() {
    assertThat(Spread.of(List.of(4.0, 1.0, 2.0, 9.0), x -> x)).isEqualTo(new Spread(3, 1, 9));
  }

  @Test
  void of_nothing_throws() {
    assertThatThrownBy(() -> Spread.of(List.<Double>of(), x -> x))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
