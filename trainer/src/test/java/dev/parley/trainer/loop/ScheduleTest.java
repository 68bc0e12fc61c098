package dev.parley.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class ScheduleTest {
  private static final JsonNode GOLDEN =
      JsonMapper.shared()
          .readTree(Path.of("../model/src/test/resources/golden/schedules.json").toFile());

  @ParameterizedTest
  @EnumSource(names = {"LINEAR", "COSINE", "CONSTANT"})
  void rate_everyStep_isHuggingFaces(Schedule schedule) {
    JsonNode rates = GOLDEN.get(schedule.name().toLowerCase(java.util.Locale.ROOT));
    int total = GOLDEN.get("total").asInt();

    assertThat(rates.size()).isEqualTo(total);
    for (int step = 0; step < total; step++) {
      double rate =
          schedule.rate(
              step, GOLDEN.get("base_lr").asDouble(), GOLDEN.get("warmup").asInt(), total);
      assertThat(rate).as("step %d", step).isCloseTo(rates.get(step).asDouble(), within(1e-11));
    }
  }

  @Test
  void rate_noam_isDialoGpts() {
    JsonNode noam = GOLDEN.get("noam");
    int warmup = noam.get("warmup").asInt();
    double highest =
        noam.get("base_lr").asDouble() * 1e4 / Math.sqrt(noam.get("n_embd").asInt() * warmup);

    for (JsonNode golden : noam.get("step_lr")) {
      double expected = golden.get(1).asDouble();
      assertThat(Schedule.NOAM.rate(golden.get(0).asInt(), highest, warmup, 100_000))
          .as("step %s", golden)
          .isCloseTo(expected, within(1e-8 * expected + 1e-16));
    }
  }

  @ParameterizedTest
  @EnumSource
  void rate_withoutWarmup_beginsAtTheHighest(Schedule schedule) {
    assertThat(schedule.rate(0, 0.5, 0, 10)).isEqualTo(0.5);
  }
}
