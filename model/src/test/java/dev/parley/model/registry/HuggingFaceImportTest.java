package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.TokenizerException;
import dev.parley.model.torch.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Imports and exports of the golden checkpoints: 257 tokens, the bytes and the end of text. */
class HuggingFaceImportTest {
  private static final int BYTES = 256;

  @TempDir static Path tokenizer;
  @TempDir Path home;
  private Registry registry;
  private Path source;

  @BeforeAll
  static void writeTokenizer() throws IOException {
    Gpt2Vocabulary.write(tokenizer);
    JsonMapper json = new JsonMapper();
    ObjectNode vocabulary = json.createObjectNode();
    String gpt2 = Files.readString(tokenizer.resolve("vocab.json"));
    for (Map.Entry<String, JsonNode> entry : json.readTree(gpt2).properties()) {
      if (entry.getValue().asInt() < BYTES) {
        vocabulary.set(entry.getKey(), entry.getValue());
      }
    }
    vocabulary.put("<|endoftext|>", BYTES);
    Files.delete(tokenizer.resolve("tokenizer.json"));
    Files.writeString(tokenizer.resolve("vocab.json"), json.writeValueAsString(vocabulary));
    Files.writeString(tokenizer.resolve("merges.txt"), "#version: 0.2\n");
  }

  @BeforeEach
  void open() {
    registry = new Registry(home.resolve("registry"));
    source = home.resolve("source");
  }

  @ParameterizedTest
  @ValueSource(strings = {"fp32", "fp16", "bf16", "sharded", "legacy", "zip"})
  void importDirectory_everyFormat_becomesOneSafetensorsWithTheSameWeights(String golden)
      throws IOException {
    copyGolden(golden);
    Files.writeString(source.resolve("README.md"), "not taken along");
    Files.writeString(source.resolve("training_args.bin"), "not taken along");

    RegisteredVersion version = registry.importDirectory("golden", source);

    assertThat(version.manifest().fileSha256())
        .containsOnlyKeys(
            "config.json",
            "generation_config.json",
            "merges.txt",
            "model.safetensors",
            "vocab.json");
    assertThat(version.manifest().lineage().origin()).isEqualTo("imported");
    assertThat(version.manifest().lineage().base()).isEqualTo(source.toString());
    assertThat(version.manifest().lineage().baseWeightsSha256())
        .isEqualTo(DurableFiles.sha256(Gpt2Checkpoint.weightsFile(source)));
    assertSameWeights(source, version.directory());
  }

  @Test
  void importDirectory_safetensors_areCopiedAsTheyAre() throws IOException {
    copyGolden("fp16");

    RegisteredVersion version = registry.importDirectory("golden", source);

    for (String name : List.of("config.json", "generation_config.json", "model.safetensors")) {
      assertThat(version.directory().resolve(name)).hasSameBinaryContentAs(source.resolve(name));
    }
  }

  @Test
  void importDirectory_tokenizerOfAnotherSize_isRefused() throws IOException {
    copyGolden("fp32");
    Files.writeString(source.resolve("added_tokens.json"), "{\"<pad>\": 257}");

    assertThatThrownBy(() -> registry.importDirectory("golden", source))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("258 tokens")
        .hasMessageContaining("vocab_size 257");
    assertThat(registry.root()).doesNotExist();
  }

  @Test
  void importDirectory_noTokenizer_isRefused() throws IOException {
    copyGolden("fp32");
    Files.delete(source.resolve("vocab.json"));

    assertThatThrownBy(() -> registry.importDirectory("golden", source))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("merges.txt");
    assertThat(registry.root()).doesNotExist();
  }

  @Test
  void importDirectory_truncatedWeights_leavesNothing() throws IOException {
    copyGolden("fp32");
    Path weights = source.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    Files.write(weights, Arrays.copyOf(bytes, bytes.length - 100));

    assertThatThrownBy(() -> registry.importDirectory("golden", source))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("model.safetensors");
    assertThat(registry.models()).isEmpty();
    assertThat(home.resolve("registry/.staging")).isEmptyDirectory();
  }

  @Test
  void export_imported_isAModelAgain() throws IOException {
    copyGolden("fp32");
    RegisteredVersion version = registry.importDirectory("golden", source);
    Path target = home.resolve("some/where/exported");

    registry.export(version, target);

    for (Path file : DurableFiles.list(version.directory())) {
      assertThat(target.resolve(file.getFileName())).hasSameBinaryContentAs(file);
    }
    assertThat(registry.importDirectory("again", target).manifest().fileSha256())
        .isEqualTo(version.manifest().fileSha256());
    assertThat(DurableFiles.list(home.resolve("some/where"))).containsExactly(target);
  }

  @Test
  void export_directoryThatIsThere_mustBeEmpty() throws IOException {
    copyGolden("fp32");
    RegisteredVersion version = registry.importDirectory("golden", source);
    Path full = Files.createDirectory(home.resolve("full"));
    Files.writeString(full.resolve("mine"), "mine");
    Path empty = Files.createDirectory(home.resolve("empty"));

    assertThatThrownBy(() -> registry.export(version, full))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(full + " is there and not empty");
    assertThat(Versions.tree(full)).containsExactly("mine");
    registry.export(version, empty);
    assertThat(empty.resolve("model.safetensors")).exists();
  }

  private void copyGolden(String name) throws IOException {
    Files.createDirectories(source);
    Path golden = Path.of("src/test/resources/golden", name);
    for (Path directory : List.of(golden, tokenizer)) {
      try (Stream<Path> files = Files.list(directory)) {
        for (Path file : files.toList()) {
          Files.copy(file, source.resolve(file.getFileName()));
        }
      }
    }
  }

  private static void assertSameWeights(Path expected, Path actual) {
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights left = Gpt2Checkpoint.weights(expected, scope);
        Gpt2Weights right = Gpt2Checkpoint.weights(actual, scope)) {
      assertThat(left.config()).isEqualTo(right.config());
      for (int i = 0; i < left.arrays().size(); i++) {
        NDArray array = left.arrays().get(i);
        assertThat(right.arrays().get(i).toFloatArray()).isEqualTo(array.toFloatArray());
      }
    }
  }
}
