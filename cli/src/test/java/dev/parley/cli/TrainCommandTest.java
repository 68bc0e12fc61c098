package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** {@code parley train} and {@code parley eval}, with the embedded base and a few real steps. */
class TrainCommandTest {
  @TempDir Path directory;
  private Workplace place;

  @BeforeEach
  void prepare() {
    place = new Workplace(directory);
  }

  @Test
  void train_json_updatesInOrderAndTheLastIsTheRegisteredVersion() {
    CommandLineRun run = place.train("barista", "--eval-steps", "1", "--json").done();

    List<JsonNode> updates = run.json();
    assertThat(updates)
        .extracting(update -> update.get("type").asString())
        .containsExactly(
            "created",
            "started",
            "evaluation",
            "step",
            "evaluation",
            "step",
            "evaluation",
            "finished");
    JsonNode last = run.lastJson();
    assertThat(last.get("model").asString()).isEqualTo("barista");
    assertThat(last.get("version").asInt()).isEqualTo(1);
    assertThat(last.get("steps").asInt()).isEqualTo(2);
    assertThat(last.get("loss_before").asDouble()).isGreaterThan(last.get("loss_after").asDouble());
    assertThat(last.get("label_policy").asString()).isEqualTo("replies");
    assertThat(last.get("promoted").asBoolean()).isTrue();
    assertThat(updates.get(2).get("samples").get(0).get("prompt").asString()).isEqualTo("Hello?");
    assertThat(run.err()).contains("100%").contains("training on 8 dialogues");
    assertThat(place.home().resolve("registry/barista/1/model.safetensors")).isRegularFile();
  }

  @Test
  void trainThenEval_theVersion_givesTheLossThatTrainingSaid() {
    Path data = place.dialogues();
    double after =
        place
            .train("barista", "--eval-data", data.toString(), "--json")
            .done()
            .lastJson()
            .get("loss_after")
            .asDouble();
    String[] eval = {
      "eval", "--model", "barista@1", "--data", data.toString(), "--max-length", "32", "--generate"
    };

    JsonNode measured = json(eval).done().lastJson();

    assertThat(measured.get("loss").asDouble())
        .isCloseTo(after, org.assertj.core.data.Offset.offset(1e-6));
    assertThat(measured.get("perplexity").asDouble())
        .isCloseTo(Math.exp(after), org.assertj.core.data.Percentage.withPercentage(0.01));
    assertThat(measured.get("label_policy").asString()).isEqualTo("replies");
    assertThat(measured.get("target_tokens").asInt()).isPositive();
    assertThat(measured.propertyNames())
        .contains("distinct_1", "distinct_2", "entropy_4", "bleu_2", "bleu_4", "mean_length");
    assertThat(place.run(eval).done().out())
        .contains("loss %.4f nats".formatted(after))
        .contains("per token of every turn but the first");
  }

  private CommandLineRun json(String... arguments) {
    return place.run(
        Stream.concat(Stream.of(arguments), Stream.of("--json")).toArray(String[]::new));
  }

  @Test
  void train_lora_registersAMergedVersionWithItsLineage() {
    place.train("barista", "--lora-rank", "4", "--lora-targets", "attn.c_attn,mlp.c_fc").done();

    JsonNode version = place.run("models", "show", "barista", "--json").done().lastJson();
    JsonNode parameters = version.get("hyper_parameters");
    assertThat(parameters.get("lora_rank").asString()).isEqualTo("4");
    assertThat(parameters.get("lora_alpha").asString()).isEqualTo("8.0");
    assertThat(parameters.get("lora_targets").asString()).isEqualTo("attn.c_attn,mlp.c_fc");
    place.run("eval", "--model", "barista", "--data", place.dialogues().toString()).done();
  }

  @Test
  void train_overfitOneBatch_saysWhetherItWasLearnedByHeart() {
    Path data = place.file("two.tsv", "When do you open?\tAt eight.\nAnd on Sunday?\tAt ten.\n");
    String[] check = {
      "train",
      "--name",
      "check",
      "--data",
      data.toString(),
      "--overfit-batches",
      "1",
      "--batch-size",
      "2",
      "--max-length",
      "32",
      "--prompt",
      "When do you open?"
    };

    CommandLineRun learned =
        place.run(with(check, "--preset", "scratch", "--max-steps", "40")).done();
    CommandLineRun notYet = place.run(with(check, "--max-steps", "1"));

    assertThat(learned.err()).contains("the batches were learned by heart: the loss is 0.0");
    assertThat(notYet.exitCode()).isEqualTo(1);
    assertThat(notYet.err()).contains("NOT learned by heart");
    JsonNode lineage = place.run("models", "show", "check@1", "--json").done().lastJson();
    assertThat(lineage.at("/hyper_parameters/overfit_batches").asString()).isEqualTo("1");
  }

  private static String[] with(String[] arguments, String... more) {
    return Stream.concat(Stream.of(arguments), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void dryRun_bothForms_showWhatIsLearnedAndTrainNothing() throws IOException {
    CommandLineRun text = place.train("barista", "--dry-run", "--train-on", "assistant").done();
    JsonNode json = place.train("barista", "--dry-run", "--json").done().lastJson();

    assertThat(text.out())
        .contains("what is learned is in [ ]")
        .containsPattern("\\[[^]]+<\\|endoftext\\|>]")
        .contains("8 dialogues to train on");
    assertThat(json.get("type").asString()).isEqualTo("dry_run");
    assertThat(json.get("total_steps").asInt()).isEqualTo(2);
    assertThat(json.get("examples")).hasSize(3);
    assertThat(json.get("target_token_share").asDouble()).isBetween(0.1, 1.0);
    assertThat(place.home().resolve("jobs")).doesNotExist();
    assertThat(place.home().resolve("registry/barista")).doesNotExist();
  }

  @Test
  void train_brokenJsonFarBelow_namesFileLineAndColumn() {
    String good =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
            + "{\"role\":\"assistant\",\"content\":\"b\"}]}\n";
    Path data = place.file("big.jsonl", good.repeat(7311) + "{\"messages\":[{\"role\n" + good);

    refuses(data, "big.jsonl:7312:");
  }

  @Test
  void train_tableWithoutTheColumns_namesThoseItHasAndWants() {
    refuses(
        place.file("table.csv", "question,answer\nHi,Hello\n"),
        "table.csv:1: found the columns question, answer; expected the columns context and"
            + " response");
  }

  @Test
  void train_emptyOrMissingFiles_eachIsNamed() {
    refuses(place.file("empty.jsonl", ""), "empty.jsonl: is empty");
    refuses(directory.resolve("missing.jsonl"), "missing.jsonl does not exist");
  }

  @Test
  void trainAndEval_unknownFormat_isNamed() {
    String data = place.file("data.parquet", "x").toString();

    assertThat(place.run("train", "--name", "x", "--data", data).misused().err())
        .contains("data.parquet', but must end in .jsonl, .csv or .tsv");
    assertThat(place.run("eval", "--model", "parley-tiny", "--data", data).failed().err())
        .contains("data.parquet")
        .contains("expected .jsonl, .csv or .tsv");
    assertThat(place.home().resolve("jobs")).doesNotExist();
  }

  @Test
  void train_manyProblems_twentyAtOnce() {
    Path data =
        place.file(
            "bad.jsonl",
            IntStream.range(0, 30).mapToObj(i -> "{}").collect(Collectors.joining("\n")));

    CommandLineRun run = refuses(data, "bad.jsonl:20:");
    assertThat(run.err()).contains("more problems").doesNotContain("bad.jsonl:21:");
  }

  /** Both commands say the same and leave nothing; what {@code train} said. */
  private CommandLineRun refuses(Path data, String problem) {
    CommandLineRun train = place.run("train", "--name", "barista", "--data", data.toString());
    CommandLineRun eval = place.run("eval", "--model", "parley-tiny", "--data", data.toString());
    for (CommandLineRun run : List.of(train, eval)) {
      assertThat(run.failed().err()).contains(problem);
      assertThat(run.out()).isEmpty();
    }
    assertThat(place.home().resolve("registry/barista")).doesNotExist();
    return train;
  }

  @Test
  void train_failedJobAsJson_lastLineSaysWhy() {
    CommandLineRun run =
        place
            .run("train", "--name", "x", "--json", "--data", place.file("e.csv", "").toString())
            .failed();

    assertThat(run.lastJson().get("type").asString()).isEqualTo("failed");
    assertThat(run.lastJson().get("status").get("message").asString()).contains("e.csv");
  }

  @Test
  void trainAndEval_unknownModel_nameTheNearest() {
    String data = place.dialogues().toString();

    assertThat(
            place
                .run("train", "--base", "parley-tny", "--name", "x", "--data", data)
                .failed()
                .err())
        .contains("'parley-tny' is not in the registry")
        .contains("parley-tiny");
    assertThat(place.run("eval", "--model", "parley-tiny@7", "--data", data).failed().err())
        .contains("has no version 7");
  }

  @Test
  void train_jobsCannotBeWritten_failsAndNamesThePlace() throws IOException {
    Files.createDirectories(place.home());
    Path jobs = Files.writeString(place.home().resolve("jobs"), "in the way");

    CommandLineRun run = place.train("barista");

    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.err()).contains(jobs.toString());
    assertThat(jobs).hasContent("in the way");
  }
}
