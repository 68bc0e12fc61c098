package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.engine.EngineBench.Point;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EngineBenchTest {
  private final EngineBench bench = EngineBench.of("tiny", Precision.FP32, Device.cpu());

  @AfterEach
  void close() {
    bench.close();
  }

  @Test
  void decode_severalStreams_measuresAllOfThem() throws Exception {
    Point point = bench.decode(3, 20, 6);

    assertThat(point)
        .usingRecursiveComparison()
        .ignoringFields("tokensPerSecond", "millisecondsPerStep")
        .isEqualTo(new Point("decode", "tiny", "fp32", "cpu", 3, 20, 6, 0, 0));
    assertThat(point.tokensPerSecond())
        .isCloseTo(3_000 / point.millisecondsPerStep(), within(1e-6 * point.tokensPerSecond()));
  }

  @Test
  void prefill_moreTokensThanOneStep_countsEverySteps() throws Exception {
    Point point = bench.prefill(4, 200);

    assertThat(point.tokensPerSecond())
        .as("800 tokens in two steps of at most 512")
        .isCloseTo(
            800_000 / (2 * point.millisecondsPerStep()), within(1e-6 * point.tokensPerSecond()));
  }

  @Test
  void decode_beyondTheContext_saysSo() {
    assertThatThrownBy(() -> bench.decode(1, 250, 10))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("256");
  }
}
