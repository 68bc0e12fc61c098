package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

final class DataCommandTest {
  @TempDir Path directory;
  private Workplace workplace;

  @BeforeEach
  void workplace() {
    workplace = new Workplace(directory);
  }

  private String path(String name) {
    return directory.resolve(name).toString();
  }

  @Test
  void convert_tableWithAMistake_saysWhatWasLeftOut() {
    Path in = workplace.file("a.csv", "id,context,response\n1,Hi,Hello\n2,Hi,\n");

    CommandLineRun run =
        CommandLineRun.of("data", "convert", in.toString(), path("a.jsonl.gz")).done();

    assertThat(run.out())
        .contains("a.jsonl.gz: 1 dialogues, 2 turns")
        .contains("1 records were left out:")
        .contains("  a.csv:3: the response is empty, expected a text")
        .contains("not taken over: id");
  }

  @Test
  void convert_json_isOneObjectWithTheReasons() {
    Path in = workplace.file("a.tsv", "a\tb\na\tb\nno tab\n");

    JsonNode json =
        CommandLineRun.of("data", "convert", in.toString(), path("a.jsonl"), "--distinct", "--json")
            .done()
            .lastJson();

    assertThat(json.get("dialogues").asInt()).isEqualTo(1);
    assertThat(json.get("duplicates").asInt()).isEqualTo(1);
    assertThat(json.get("dropped").asInt()).isEqualTo(1);
    assertThat(json.get("problems").get(0).asString()).startsWith("a.tsv:3:7: found no tab");
  }

  @Test
  void convert_outThatExists_isLeftAloneWithoutForce() {
    Path in = workplace.file("a.tsv", "a\tb\n");
    Path out = workplace.file("a.jsonl", "mine");

    CommandLineRun.of("data", "convert", in.toString(), out.toString()).misused();
    assertThat(out).hasContent("mine");

    CommandLineRun.of("data", "convert", in.toString(), out.toString(), "--force").done();
    assertThat(out).content().startsWith("{\"messages\":");
  }

  @Test
  void convert_wrongNames_areUsageErrors() {
    Path in = workplace.file("a.tsv", "a\tb\n");

    assertThat(CommandLineRun.of("data", "convert", in.toString(), path("a.csv")).misused().err())
        .contains("must end in .jsonl or .jsonl.gz");
    assertThat(
            CommandLineRun.of("data", "convert", path("none.csv"), path("b.jsonl")).failed().err())
        .contains("does not exist");
  }

  @Test
  void stats_dialogues_countsTokensAndPadding() {
    String data = workplace.dialogues().toString();

    JsonNode json =
        workplace
            .run("data", "stats", data, data, "--json", "--max-length", "64", "--batch-size", "4")
            .done()
            .lastJson();
    String text = workplace.run("data", "stats", data).done().out();

    assertThat(json.get("dialogues").asInt()).isEqualTo(20);
    assertThat(json.get("duplicate_dialogues").asInt()).isEqualTo(10);
    assertThat(json.get("tokens").asLong())
        .isEqualTo(Math.round(20 * json.get("tokens_per_dialogue").get("mean").asDouble()));
    assertThat(json.get("padding_share").get("fixed").asDouble())
        .isGreaterThan(json.get("padding_share").get("bucketed").asDouble());
    assertThat(text).contains("10 dialogues, ").contains("of the tokens are learned");
  }

  @Test
  void stats_badOptions_areUsageErrors() {
    String data = workplace.dialogues().toString();

    assertThat(workplace.run("data", "stats", data, "--max-length", "1").misused().err())
        .contains("at least 8");
    assertThat(workplace.run("data", "stats", data, "--train-on", "some").misused().err())
        .contains("'some' is not known here");
  }
}
