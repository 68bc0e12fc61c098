package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.registry.ParleyVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** {@code parley models}: each subcommand in both forms, on versions that were really trained. */
class ModelsCommandTest {
  @TempDir static Path shared;
  private static Workplace trained;

  @TempDir Path directory;

  @BeforeAll
  static void trainTwoVersions() {
    trained = new Workplace(shared);
    trained.train("barista").done();
    trained.train("barista", "--promote", "never").done();
  }

  /** A copy of the home, for a test that changes it. */
  private Workplace copy() {
    Workplace copy = new Workplace(directory);
    copyTree(trained.home(), copy.home());
    return copy;
  }

  private static void copyTree(Path from, Path to) {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(from.relativize(file).toString()));
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void list_emptyHome_hasTheEmbeddedBaseAndNothingElseIsSaid() {
    CommandLineRun run = new Workplace(directory).run("models", "list", "--json").done();

    assertThat(run.out())
        .isEqualToIgnoringNewLines(
            "{\"model\":\"parley-tiny\",\"versions\":[1],\"latest\":1,\"aliases\":{\"default\":1},\"canary\":null}");
    assertThat(run.err()).isEmpty();
  }

  @Test
  void list_twoModels_aLineEach() {
    List<JsonNode> models = trained.run("models", "list", "--json").done().json();

    assertThat(models)
        .extracting(model -> model.get("model").asString())
        .containsExactly("barista", "parley-tiny");
    assertThat(models.get(0).get("versions").toString()).isEqualTo("[1,2]");
    assertThat(models.get(0).get("aliases").toString()).isEqualTo("{\"default\":1}");
    assertThat(trained.run("models", "list").done().out().lines())
        .anySatisfy(line -> assertThat(line).matches("barista +2 +2  default=1"));
  }

  @Test
  void create_aShape_randomWeightsThatFollowFromTheSeed() {
    Workplace workplace = new Workplace(directory);
    String[] shape = {"--layers", "1", "--width", "8", "--heads", "2", "--positions", "16"};
    for (String seed : List.of("1", "1", "2")) {
      workplace.run(words(shape, "models", "create", "mini", "--seed", seed)).done();
    }

    List<JsonNode> versions =
        Stream.of("mini@1", "mini@2", "mini@3")
            .map(name -> workplace.run("models", "show", name, "--json").done().lastJson())
            .toList();
    assertThat(versions.get(0).get("origin").asString()).isEqualTo("random");
    assertThat(versions.get(0).get("context_length").asInt()).isEqualTo(16);
    assertThat(versions.get(0).get("file_sha256")).isEqualTo(versions.get(1).get("file_sha256"));
    assertThat(versions.get(0).get("file_sha256")).isNotEqualTo(versions.get(2).get("file_sha256"));
  }

  @ParameterizedTest
  @CsvSource({
    "9, 'n_embd is 9, but must be a multiple of n_head = 2'",
    "8194, 'n_embd / n_head is 4097, but must be at most 4096'"
  })
  void create_widthThatTwoHeadsCannotShare_saysSo(String width, String message) {
    CommandLineRun run =
        new Workplace(directory)
            .run("models", "create", "mini", "--layers", "1", "--width", width, "--heads", "2")
            .misused();

    assertThat(run.err()).contains(message);
  }

  private static String[] words(String[] last, String... first) {
    return Stream.concat(Arrays.stream(first), Arrays.stream(last)).toArray(String[]::new);
  }

  @Test
  void show_trainedVersion_saysWhereItComesFromAndHowGoodItIs() {
    JsonNode version = trained.run("models", "show", "barista@latest", "--json").done().lastJson();

    assertThat(version.get("version").asInt()).isEqualTo(2);
    assertThat(version.get("base").asString()).isEqualTo("parley-tiny@1");
    assertThat(version.get("base_weights_sha256").asString()).hasSize(64);
    assertThat(version.get("data_sha256").asString()).hasSize(64);
    assertThat(version.get("metrics").get("loss_after").asDouble()).isPositive();
    assertThat(version.get("hyper_parameters").get("max_steps").asString()).isEqualTo("2");
    assertThat(version.get("hyper_parameters").has("overfit_batches")).isFalse();
    assertThat(version.get("parley_commit").asString()).isEqualTo(ParleyVersion.commit());
    assertThat(version.get("file_sha256").propertyNames())
        .contains("config.json", "model.safetensors", "tokenizer.json");
    assertThat(trained.run("models", "show", "barista").done().out())
        .contains("base ")
        .contains("metrics:")
        .contains("  loss_after ");
  }

  @Test
  void promoteThenRollback_bothSayWhatChanged() {
    Workplace place = copy();

    assertThat(place.run("models", "promote", "barista@2", "--json").done().out())
        .isEqualToIgnoringNewLines(
            "{\"model\":\"barista\",\"alias\":\"default\",\"version\":2,\"previous_version\":1}");
    assertThat(place.run("models", "rollback", "barista").done().out())
        .isEqualToIgnoringNewLines("barista@default is version 1 now, it was 2");
    assertThat(place.run("models", "promote", "barista@2", "--alias", "canary", "--json").done())
        .satisfies(run -> assertThat(run.lastJson().get("previous_version").isNull()).isTrue());
    assertThat(place.run("models", "rollback", "barista").failed().err())
        .contains("'barista' cannot be rolled back: its default, version 1, never named another");
    JsonNode barista = place.run("models", "list", "--json").done().json().get(0);
    assertThat(barista.get("aliases").toString()).isEqualTo("{\"canary\":2,\"default\":1}");
  }

  @Test
  void canary_onAndOff_listSaysSo_rollbackEndsIt() {
    Workplace place = copy();

    assertThat(place.run("models", "canary", "barista@2", "--share", "0.125").done().out())
        .isEqualToIgnoringNewLines(
            "barista@2 answers 12.5% of the new conversations with barista now");
    assertThat(place.run("models", "list").done().out())
        .containsPattern("barista +2 +2  default=1, canary 2 gets 12.5%");
    assertThat(place.run("models", "delete", "barista@2").failed().err())
        .contains("it is the canary of 'barista'");
    assertThat(place.run("models", "canary", "barista", "--off", "--json").done().out())
        .isEqualToIgnoringNewLines("{\"model\":\"barista\",\"canary\":null}");

    place.run("models", "promote", "barista@2").done();
    place.run("models", "canary", "barista@1", "--share", "1").done();
    assertThat(place.run("models", "rollback", "barista").done().out())
        .isEqualToIgnoringNewLines(
            "barista@default is version 1 now, it was 2; its canary, version 1, has ended");
  }

  @Test
  void canary_wrongUsage_saysWhatIsMissing() {
    Workplace place = copy();

    assertThat(place.run("models", "canary", "barista@2").misused().err())
        .contains("--share")
        .contains("--off");
    assertThat(place.run("models", "canary", "barista", "--share", "0.1").misused().err())
        .contains("write barista@N");
    assertThat(place.run("models", "canary", "barista@2", "--share", "1.5").misused().err())
        .contains("share 1.5 is impossible: it is above 0 and at most 1");
    assertThat(place.run("models", "canary", "barista@1", "--share", "0.1").failed().err())
        .contains("barista@1 cannot be a canary: it is the default already");
    assertThat(place.run("models", "canary", "baritsa", "--off").failed().err())
        .contains("the nearest is 'barista'");
  }

  @Test
  void import_backward_isNamedSoAndStaysApart() throws IOException {
    Workplace place = copy();
    Path exported = directory.resolve("exported");
    place.run("models", "export", "barista@1", exported.toString()).done();
    String[] source = {"models", "import", exported.toString(), "--name", "back"};

    place.run(words(new String[] {"--direction", "backward"}, source)).done();

    assertThat(
            place
                .run("models", "show", "back", "--json")
                .done()
                .lastJson()
                .at("/hyper_parameters/direction")
                .asString())
        .isEqualTo("BACKWARD");
    assertThat(place.run(source).failed().err())
        .contains("'back' has BACKWARD versions, but the one to import is FORWARD");
    assertThat(place.run(words(new String[] {"--direction", "up"}, source)).misused().err())
        .contains("--direction is 'up'");
    Path again = directory.resolve("again");
    place.run("models", "export", "back", again.toString()).done();
    assertThat(place.run("models", "import", again.toString(), "--name", "back").done().out())
        .as("an exported version says itself how it reads")
        .contains("back@2");
  }

  @Test
  void delete_aliasNamesIt_refusedOthersGo() {
    Workplace place = copy();

    assertThat(place.run("models", "delete", "barista@1").failed().err())
        .contains("the alias 'default' names it");
    assertThat(place.run("models", "delete", "barista@2", "--json").done().out())
        .isEqualToIgnoringNewLines("{\"deleted\":\"barista@2\"}");
    assertThat(place.run("models", "delete", "barista@2").failed().err())
        .contains("has no version 2");
    assertThat(place.home().resolve("registry/barista/1")).isDirectory();
    assertThat(place.home().resolve("registry/barista/2")).doesNotExist();
  }

  @Test
  void exportThenImport_sameWeightsUnderAnotherName() throws IOException {
    Workplace place = copy();
    Path exported = directory.resolve("Exported");

    assertThat(place.run("models", "export", "barista@1", exported.toString(), "--json").done())
        .satisfies(
            run -> assertThat(run.lastJson().get("exported").asString()).isEqualTo("barista@1"));
    assertThat(place.run("models", "export", "barista@1", exported.toString()).failed().err())
        .contains(exported.toString());
    assertThat(place.run("models", "import", exported.toString()).done().out())
        .isEqualToIgnoringNewLines("imported exported@1");
    assertThat(
            place.run("models", "import", exported.toString(), "--name", "copy", "--json").done())
        .satisfies(
            run -> assertThat(run.lastJson().get("imported").asString()).isEqualTo("copy@1"));
    assertThat(place.home().resolve("registry/copy/1/model.safetensors"))
        .hasSameBinaryContentAs(place.home().resolve("registry/barista/1/model.safetensors"));
  }

  @Test
  void import_truncatedWeights_refusedAndNothingIsRegistered() throws IOException {
    Path model = directory.resolve("model");
    copyTree(trained.home().resolve("registry/parley-tiny/1"), model);
    Path weights = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(bytes, bytes.length / 2));

    refusesToImport(model, "model.safetensors", "truncated");
  }

  @Test
  void import_pickleThatWouldRunCode_refusedAndNothingRuns() throws IOException {
    Path model = directory.resolve("model");
    copyTree(trained.home().resolve("registry/parley-tiny/1"), model);
    Files.delete(model.resolve("model.safetensors"));
    Path trace = directory.resolve("trace");
    String command = "touch " + trace;
    // A legacy file is pickles one after the other; the first may be anything.
    String pickle = "\u0080\u0002cposix\nsystem\nX" + (char) command.length() + "\0\0\0" + command;
    Files.write(
        model.resolve("pytorch_model.bin"),
        (pickle + "\u0085R.").getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));

    refusesToImport(model, "pytorch_model.bin", "would run code; refused");
    assertThat(trace).doesNotExist();
  }

  private void refusesToImport(Path model, String file, String problem) {
    Workplace place = new Workplace(directory);
    CommandLineRun run =
        place.run("models", "import", model.toString(), "--name", "imported").failed();

    assertThat(run.err()).contains(file).contains(problem);
    assertThat(run.out()).isEmpty();
    assertThat(place.home().resolve("registry/imported")).doesNotExist();
    assertThat(place.home().resolve("registry/.staging")).isEmptyDirectory();
  }

  @Test
  void show_unknownModel_namesTheNearest() {
    assertThat(trained.run("models", "show", "barrista").failed().err())
        .contains("model 'barrista' is not in the registry")
        .contains("'barista'");
  }
}
