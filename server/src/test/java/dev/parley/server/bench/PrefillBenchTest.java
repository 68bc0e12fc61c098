package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.PrefillBench.Point;
import dev.parley.server.bench.PrefillBench.Prompts;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrefillBenchTest {
  @Test
  void run_severalLengths_comparedWithReferenceAtTheSameLength() throws Exception {
    List<Point> points =
        PrefillBench.run(
                BenchRounds.of(1, Precision.FP16), List.of(new Prompts(1, 16), new Prompts(4, 200)))
            .points();

    assertThat(points)
        .extracting(point -> point.precision() + " " + point.prompts().context())
        .containsExactly("reference 16", "reference 200", "fp16 16", "fp16 200");
    for (int i = 0; i < points.size(); i++) {
      Point point = points.get(i);
      Point reference = points.get(i % 2);
      assertThat(point.ratio().median())
          .isEqualTo(reference.milliseconds().median() / point.milliseconds().median());
      assertThat(point.tokensPerSecond().median())
          .isEqualTo(
              point.prompts().streams()
                  * point.prompts().context()
                  * 1e3
                  / point.milliseconds().median());
      assertThat(point.share().median()).isFinite().isPositive();
    }
  }

  @Test
  void run_promptAsLongAsTheContext_saysTheLimit() {
    assertThatThrownBy(
            () -> PrefillBench.run(BenchRounds.of(1, Precision.FP32), List.of(new Prompts(1, 256))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 to 255");
  }
}
