package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.torch.Torch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Commands that are given a model of a hub, each as a process of its own with the variables that
 * name the hub.
 */
class HubCommandsTest {
  private static final String ID = "microsoft/DialoGPT-nano";

  @TempDir static Path directory;
  private static SmallHub hub;
  private static Workplace place;

  /** What is downloaded: a test finds nothing of another one's. */
  @TempDir private Path downloads;

  @BeforeAll
  static void open() throws IOException {
    Path files = Files.createDirectory(directory.resolve("files"));
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Weights.random(Gpt2Config.of(1, 8, 2, 64), 1, scope)) {
      Gpt2Checkpoint.write(files, weights);
    }
    Gpt2Vocabulary.write(files);
    Files.delete(files.resolve("tokenizer.json"));
    hub = new SmallHub(ID, files);
    place = new Workplace(directory);
  }

  @AfterAll
  static void close() {
    hub.close();
  }

  @Test
  void train_hubModel_isDownloadedOnceAndNamedInTheLineage() throws Exception {
    CommandLineRun trained =
        run(
            "train",
            "--base",
            ID,
            "--name",
            "nano",
            "--data",
            place.dialogues().toString(),
            "--max-steps",
            "2",
            "--max-length",
            "32",
            "--batch-size",
            "2",
            "--json");

    List<JsonNode> updates = trained.done().json();
    JsonNode last =
        updates.stream()
            .filter(update -> update.path("type").asString().equals("download"))
            .reduce((one, next) -> next)
            .orElseThrow();
    assertThat(last.path("model").asString()).isEqualTo(ID + "@" + SmallHub.COMMIT);
    assertThat(last.path("downloaded_bytes").asLong())
        .isPositive()
        .isEqualTo(last.path("total_bytes").asLong());
    assertThat(updates.get(updates.size() - 1).path("type").asString()).isEqualTo("finished");
    int requests = hub.requests();

    CommandLineRun imported = run("models", "import", ID + "@" + SmallHub.COMMIT, "--json").done();

    assertThat(imported.lastJson().path("imported").asString()).isEqualTo("dialogpt-nano@1");
    assertThat(hub.requests()).as("it is here").isEqualTo(requests);
    for (String model : new String[] {"nano", "dialogpt-nano"}) {
      JsonNode shown = place.run("models", "show", model, "--json").done().lastJson();
      assertThat(shown.path("base").asString()).isEqualTo(ID + "@" + SmallHub.COMMIT);
    }
  }

  @Test
  void eval_hubModel_isDownloaded() throws Exception {
    JsonNode result =
        run("eval", "--model", ID, "--data", place.dialogues().toString(), "--json")
            .done()
            .lastJson();

    assertThat(result.path("model").asString()).isEqualTo(ID);
    assertThat(result.path("loss").asDouble()).isBetween(9.0, 12.0);
  }

  @Test
  void import_noSuchModel_isOneSentence() throws Exception {
    CommandLineRun run = run("models", "import", "microsoft/DialoGPT-huge");

    assertThat(run.exitCode()).isEqualTo(1);
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.err())
        .contains("parley: microsoft/DialoGPT-huge has no config.json on " + hub.endpoint());
    assertThat(run.out()).isEmpty();
  }

  private CommandLineRun run(String... arguments) throws IOException, InterruptedException {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-cp",
                classPath,
                Parley.class.getName()));
    command.addAll(Arrays.asList(arguments));
    command.addAll(List.of("--home", place.home().toString()));
    Path err = directory.resolve("err");
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
    Map<String, String> environment = builder.environment();
    environment.put("HF_ENDPOINT", hub.endpoint());
    environment.put("HF_HOME", downloads.toString());
    environment.keySet().removeAll(List.of("HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_TOKEN"));
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new CommandLineRun(process.waitFor(), out, Files.readString(err));
  }
}
