package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.MultiTurnBench.Point;
import java.util.List;
import org.junit.jupiter.api.Test;

class MultiTurnBenchTest {
  @Test
  void run_longHistory_thirdTurnReadsItsMessageAndLittleElse() throws Exception {
    List<Point> points = MultiTurnBench.run(BenchRounds.of(1, Precision.FP32), 150, 10).points();

    assertThat(points).extracting(Point::precision).contains(Precision.REFERENCE, Precision.FP32);
    Point point = points.get(1);

    assertThat(point.readTokens())
        .as("message, its end of turn, and the reply's last token with its end of turn")
        .isBetween(11, 13);
    assertThat(point.ratio().median())
        .isEqualTo(point.thirdTurn().median() / point.firstTurn().median())
        .isPositive();
    assertThat(point.thirdBound().median())
        .as("it reads the keys and values of the history, too")
        .isGreaterThan(point.firstBound().median());
    assertThat(point.firstBound().median()).isPositive();
  }

  @Test
  void run_historyBeyondTheContext_saysTheLimit() {
    assertThatThrownBy(() -> MultiTurnBench.run(BenchRounds.of(1, Precision.FP32), 250, 10))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("256");
  }
}
