package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.IdleBench.Point;
import org.junit.jupiter.api.Test;

class IdleBenchTest {
  @Test
  void run_idleAndActiveOnes_stepsOfTheActiveOnesAreCompared() throws Exception {
    Point point = IdleBench.run(BenchRounds.of(1, Precision.FP32), 200, 4, 20, 6).points().get(0);

    assertThat(point.ratio().median())
        .isEqualTo(point.beside().median() / point.alone().median())
        .isPositive();
    assertThat(point.scheduling()).isPositive().isLessThan(point.beside().median());
    assertThat(point.heapBytes()).as("bytes").isBetween(50.0, 100_000.0);
    int room = DecodeBench.limits(Gpt2Config.shape("tiny"), 4, 26).kvCapacityTokens();
    assertThat(point.cachedTokens()).as("room for %d", room).isBetween(1, room);
  }

  @Test
  void run_noneIdle_saysSo() {
    assertThatThrownBy(() -> IdleBench.run(BenchRounds.of(1, Precision.FP32), 0, 4, 20, 6))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 idle conversations");
  }
}
