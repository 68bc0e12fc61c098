package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code parley bench}, on the smallest shape: that it measures, not how fast anything is. */
class BenchCommandTest {
  private static CommandLineRun bench(String command, String... more) {
    List<String> arguments = new ArrayList<>(List.of("bench"));
    arguments.addAll(List.of(command.split(" ")));
    arguments.addAll(List.of("--shape", "tiny", "--rounds", "1", "--probe-mib", "4"));
    arguments.addAll(List.of(more));
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  @Test
  void decode_json_aLineForEachPrecisionAndNumberOfStreamsWithReferenceFirst() {
    List<JsonNode> points =
        bench("decode --precision fp32,int8 --streams 1,3 --context 8 --new-tokens 4", "--json")
            .done()
            .json();

    assertThat(points)
        .extracting(p -> p.get("precision").asString() + " " + p.get("streams").asInt())
        .containsExactly("reference 1", "fp32 1", "fp32 3", "int8 1", "int8 3");
    assertThat(points.get(0).get("ratio").asDouble()).isEqualTo(1);
    assertThat(points)
        .allSatisfy(
            point -> {
              assertThat(point.propertyNames())
                  .startsWith("bench", "shape", "precision", "device", "streams", "context")
                  .contains("tokens_per_second", "milliseconds_per_step", "threads");
              for (String key :
                  List.of("tokens_per_second", "milliseconds_per_step", "ratio", "bound_ms")) {
                assertThat(point.get(key).asDouble()).as(key).isPositive().isFinite();
              }
            });
  }

  @Test
  void decode_speculationOnAModelAndDialogues_aPointWithAndOneWithoutGuesses(@TempDir Path home)
      throws IOException {
    Path data = home.resolve("dialogues.jsonl");
    Files.writeString(
        data,
        """
        {"messages":[{"role":"user","content":"Hello, how are you today?"},{"role":"assistant","content":"I am fine, thank you. How are you today?"}]}
        {"messages":[{"role":"user","content":"What do you like to do?"},{"role":"assistant","content":"I like to read. What do you like to do?"}]}
        """);

    List<JsonNode> points =
        bench(
                "decode --model parley-tiny --precision fp32 --streams 1 --context 60",
                "--home",
                home.toString(),
                "--data",
                data.toString(),
                "--speculation",
                "--json")
            .done()
            .json();

    assertThat(points)
        .extracting(point -> point.get("shape").asString())
        .containsOnly("parley-tiny");
    assertThat(points)
        .extracting(point -> point.get("speculation").asString())
        .containsExactly("off", "off", "on");
    assertThat(points.get(1).get("speculation_ratio").asDouble()).isEqualTo(1);
    assertThat(points.get(2).get("speculation_ratio").asDouble()).isPositive().isFinite();
    assertThat(points.get(2).get("tokens_per_step").asDouble()).isGreaterThanOrEqualTo(1);
  }

  @Test
  void prefill_text_alignedColumnsUnderWhatTheMachineDoes() {
    List<String> lines =
        bench("prefill --precision fp32 --context 16,32").done().out().lines().toList();

    assertThat(lines.get(0)).contains("shape tiny").contains("threads").contains("rounds");
    assertThat(lines.get(1)).startsWith("this machine reads ").contains("GB/s");
    assertThat(lines.get(3)).startsWith("precision ").contains("tokens/s", "× ref", "reached");
    assertThat(lines).hasSize(4 + 4);
    assertThat(lines.subList(3, 8)).extracting(String::length).containsOnly(lines.get(3).length());
  }

  @Test
  void decode_markdown_aTableForADocument() {
    assertThat(
            bench(
                    "decode --precision reference --streams 1 --context 8 --new-tokens 4",
                    "--markdown")
                .done()
                .out()
                .lines()
                .skip(3))
        .satisfiesExactly(
            heading -> assertThat(heading).startsWith("| precision | streams | tokens/s |"),
            rule -> assertThat(rule).startsWith("| --- | --- |"),
            row ->
                assertThat(row).startsWith("| reference | 1 | ").contains(" | 1.00 (1.00–1.00) |"));
  }

  @Test
  void train_json_loopAgainstAPlainOne() {
    JsonNode point =
        CommandLineRun.of(
                "bench train --steps 1 --rounds 2 --batch-size 2 --context 300 --precision bf16 --json"
                    .split(" "))
            .done()
            .lastJson();

    assertThat(point.get("bench").asString()).isEqualTo("train");
    assertThat(point.get("precision").asString()).isEqualTo("bf16");
    assertThat(point.get("ratio").asDouble()).isPositive().isFinite();
    assertThat(point.get("outside_share").asDouble()).isBetween(0.0, 1.0);
  }

  @Test
  void multiTurnIdleAndGrpc_json_theRatioThatTheyAreAbout() {
    for (String command :
        List.of(
            "multi-turn --history 60 --message 8",
            "idle --idle 40 --streams 2 --context 8 --new-tokens 4",
            "grpc --streams 2 --context 8 --new-tokens 20 --sample")) {
      JsonNode point = bench(command + " --precision fp32", "--json").done().lastJson();

      assertThat(point.get("bench").asString()).isEqualTo(command.split(" ")[0]);
      assertThat(point.get("ratio").asDouble()).isPositive().isFinite();
    }
  }

  @Test
  void roofline_json_boundOfEachPrecisionFallsWithItsBytes() {
    List<JsonNode> points =
        bench("roofline --precision fp32,int8 --streams 1,8", "--json").done().json();

    assertThat(points).hasSize(4);
    assertThat(points)
        .allSatisfy(
            point -> {
              assertThat(point.get("bound_ms").asDouble()).isPositive().isFinite();
              assertThat(point.get("bound_tokens_per_second").asDouble())
                  .isCloseTo(
                      point.get("streams").asInt() * 1e3 / point.get("bound_ms").asDouble(),
                      within(1e-6));
            });
    assertThat(points.get(2).get("megabytes").asDouble())
        .as("int8 reads about a quarter of fp32's bytes")
        .isBetween(
            0.25 * points.get(0).get("megabytes").asDouble(),
            0.30 * points.get(0).get("megabytes").asDouble());
  }

  @Test
  void grpc_text_saysWhereAStepGoes() {
    assertThat(bench("grpc --streams 2 --context 8 --new-tokens 20 --precision fp32").done().out())
        .contains("gRPC / engine", "libtorch", "sampling", "scheduling", "delivery", "CPU: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "decode --context 300",
        "decode --streams 0",
        "decode --precision int3",
        "decode --threads 0",
        "decode --data none.jsonl --prompts 0",
        "decode --streams 100000000 --context 100",
        "prefill --context 256",
        "prefill --context 1",
        "multi-turn --history 250",
        "idle --idle 0",
        "grpc --new-tokens 1"
      })
  void bench_impossibleSettings_wrongUsageWithTheLimit(String command) {
    CommandLineRun run = bench(command).misused();

    assertThat(run.out()).isEmpty();
    assertThat(run.err()).containsPattern("parley: .*(at least|must|use|there)");
  }
}
