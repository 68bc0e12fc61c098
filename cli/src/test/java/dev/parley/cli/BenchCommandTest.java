package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** {@code parley bench}: points as design says, on the smallest shape. */
class BenchCommandTest {
  @Test
  void decode_json_aLineForEachPrecisionAndNumberOfStreams() {
    List<JsonNode> points =
        CommandLineRun.of(
                "bench",
                "decode",
                "--shape",
                "tiny",
                "--precision",
                "fp32,int8",
                "--streams",
                "1,3",
                "--context",
                "8",
                "--new-tokens",
                "4",
                "--json")
            .done()
            .json();

    assertThat(points)
        .extracting(p -> p.get("precision").asString() + " " + p.get("streams").asInt())
        .containsExactly("fp32 1", "fp32 3", "int8 1", "int8 3");
    assertThat(points)
        .allSatisfy(
            point -> {
              assertThat(point.propertyNames())
                  .startsWith("bench", "shape", "precision", "device", "streams", "context")
                  .contains("tokens_per_second", "milliseconds_per_step");
              assertThat(point.get("tokens_per_second").asDouble()).isPositive();
              assertThat(point.get("milliseconds_per_step").asDouble()).isPositive();
            });
  }

  @Test
  void prefillAndTrain_text_aTableWithAHeading() {
    assertThat(
            CommandLineRun.of(
                    "bench", "prefill", "--shape", "tiny", "--precision", "fp32", "--context", "16")
                .done()
                .out())
        .hasLineCount(2)
        .contains("tokens/s")
        .containsPattern("prefill +tiny +fp32 +cpu +1 +16 ");
    assertThat(
            CommandLineRun.of(
                    "bench", "train", "--steps", "1", "--context", "8", "--precision", "bf16")
                .done()
                .out())
        .hasLineCount(2)
        .containsPattern("train +tiny +bf16 +cpu +8 +8 ");
  }
}
