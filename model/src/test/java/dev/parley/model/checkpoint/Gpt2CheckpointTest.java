package dev.parley.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Golden;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Layout;
import dev.parley.model.gpt2.Gpt2Weights;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Gpt2CheckpointTest {
  @TempDir Path directory;

  // ---- writing ---------------------------------------------------------------------------------

  @Test
  void write_goldenModel_theBytesOfHuggingFaceAndTheSameWeights() throws IOException {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope)) {
      Gpt2Checkpoint.write(directory, weights);

      assertThat(names())
          .containsExactly("config.json", "generation_config.json", "model.safetensors");
      assertThat(directory.resolve("model.safetensors"))
          .hasSameBinaryContentAs(Golden.path("fp32/model.safetensors"));
      try (Gpt2Weights again = Gpt2Checkpoint.weights(directory, scope)) {
        assertThat(again.config()).isEqualTo(weights.config());
        for (int i = 0; i < weights.arrays().size(); i++) {
          assertThat(again.arrays().get(i).toByteBuffer())
              .isEqualTo(weights.arrays().get(i).toByteBuffer());
        }
      }
    }
  }

  @Test
  void write_failsMidway_oldFilesStayAndNothingIsLeft() throws IOException {
    try (NDManager scope = Golden.scope()) {
      Gpt2Config config = new Gpt2Config(11, 8, 8, 1, 2, 1e-5, 0.02, 0.1, 10);
      try (Gpt2Weights old = Gpt2Weights.random(config, 1, scope)) {
        Gpt2Checkpoint.write(directory, old);
      }
      byte[] before = Files.readAllBytes(directory.resolve("model.safetensors"));
      try (Gpt2Weights broken = Gpt2Weights.random(config, 2, scope)) {
        broken.arrays().get(0).close(); // wte.weight, among the last that are written

        assertThatThrownBy(() -> Gpt2Checkpoint.write(directory, broken))
            .isInstanceOf(IllegalStateException.class);
      }
      assertThat(names())
          .containsExactly("config.json", "generation_config.json", "model.safetensors");
      assertThat(directory.resolve("model.safetensors")).hasBinaryContent(before);
    }
  }

  @Test
  void write_placeTakenByADirectory_saysSoBeforeAnythingIsReplaced() throws IOException {
    Files.createDirectories(directory.resolve("config.json"));
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope)) {
      assertThatThrownBy(() -> Gpt2Checkpoint.write(directory, weights))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("cannot write the model to " + directory)
          .hasMessageContaining("config.json");
      assertThat(names()).containsExactly("config.json");
    }
  }

  @Test
  void write_directoryBelowAFile_saysSo() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "x");
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope)) {
      assertThatThrownBy(() -> Gpt2Checkpoint.write(file.resolve("model"), weights))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("cannot write the model to " + file.resolve("model"));
      assertThat(names()).containsExactly("file");
    }
  }

  // ---- names -----------------------------------------------------------------------------------

  @Test
  void weights_prefixesOfDataParallelTraining_load() throws IOException {
    try (NDManager scope = Golden.scope()) {
      writeTensors(scope, tensors -> rename(tensors, "module.transformer."));
      try (Gpt2Weights weights = Gpt2Checkpoint.weights(directory, scope);
          Gpt2Weights golden = Golden.weights("fp32", scope)) {
        assertThat(weights.arrays()).isEqualTo(golden.arrays());
      }
    }
  }

  @Test
  void weights_otherTensors_oneErrorListsAll() throws IOException {
    try (NDManager scope = Golden.scope()) {
      writeTensors(
          scope,
          tensors -> {
            tensors.remove("h.0.ln_1.weight");
            tensors.remove("ln_f.bias");
            tensors.put("score.weight", scope.zeros(new ai.djl.ndarray.types.Shape(2, 24)));
            NDArray wide = tensors.get("h.1.mlp.c_fc.weight");
            tensors.put("h.1.mlp.c_fc.weight", wide.transpose().duplicate());
            tensors.put("transformer.wte.weight", tensors.get("wte.weight"));
          });

      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(
              directory.resolve("model.safetensors")
                  + ": the tensors are not those of config.json (vocab_size 257, n_positions 96,"
                  + " n_embd 24, n_layer 2):\n"
                  + "  missing (2): h.0.ln_1.weight [24]; ln_f.bias [24]\n"
                  + "  unexpected (1): score.weight [2, 24]\n"
                  + "  wrong (1): h.1.mlp.c_fc.weight is [96, 24], expected [24, 96]\n"
                  + "  there twice, with and without prefix (1): wte.weight");
    }
  }

  @Test
  void weights_headOfItsOwn_refusedUnlessItIsTheEmbedding() throws IOException {
    try (NDManager scope = Golden.scope()) {
      writeTensors(
          scope, tensors -> tensors.put("lm_head.weight", tensors.get("wte.weight").duplicate()));
      Gpt2Checkpoint.weights(directory, scope).close();
      writeTensors(
          scope,
          tensors -> {
            float[] head = tensors.get("wte.weight").toFloatArray();
            head[head.length - 1] += 1e-3f;
            NDArray other = scope.create(head, tensors.get("wte.weight").getShape());
            tensors.put("lm_head.weight", other);
          });

      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("lm_head.weight differs from wte.weight: untied heads are not");
      assertThat(scope.getManagedArrays()).allMatch(array -> array.getShape().dimension() <= 2);
    }
  }

  /** The golden fp32 model's tensors, without prefix, changed and written to the directory. */
  private void writeTensors(NDManager scope, Consumer<SortedMap<String, NDArray>> change)
      throws IOException {
    Files.write(
        directory.resolve("config.json"), Files.readAllBytes(Golden.path("fp32/config.json")));
    SortedMap<String, NDArray> tensors = new TreeMap<>();
    try (Gpt2Weights weights = Golden.weights("fp32", scope);
        FileChannel channel =
            FileChannel.open(
                directory.resolve("model.safetensors"),
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
      List<Gpt2Layout.Entry> layout = Gpt2Layout.of(weights.config());
      for (int i = 0; i < layout.size(); i++) {
        tensors.put(layout.get(i).name(), weights.arrays().get(i));
      }
      change.accept(tensors);
      SafetensorsWriter.write(channel, tensors);
    }
  }

  private static void rename(SortedMap<String, NDArray> tensors, String prefix) {
    SortedMap<String, NDArray> renamed = new TreeMap<>();
    tensors.forEach((name, tensor) -> renamed.put(prefix + name, tensor));
    tensors.clear();
    tensors.putAll(renamed);
  }

  // ---- directories and shards ------------------------------------------------------------------

  @Test
  void weights_nothingThere_saysWhatIsExpected() throws IOException {
    try (NDManager scope = Golden.scope()) {
      Path absent = directory.resolve("absent");
      assertThatThrownBy(() -> Gpt2Checkpoint.weights(absent, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(absent + " is not a directory: expected one with config.json and weights");
      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("cannot read " + directory.resolve("config.json"))
          .hasMessageContaining("there is no such file");
      Files.copy(Golden.path("fp32/config.json"), directory.resolve("config.json"));
      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessage(
              directory
                  + " has no weights: expected model.safetensors, model.safetensors.index.json or"
                  + " pytorch_model.bin");
    }
  }

  @Test
  void weights_shardOutsideOrMissing_refused() throws IOException {
    Files.copy(Golden.path("sharded/config.json"), directory.resolve("config.json"));
    Path index = directory.resolve("model.safetensors.index.json");
    try (NDManager scope = Golden.scope()) {
      Files.writeString(index, "{\"weight_map\":{\"wte.weight\":\"../other.safetensors\"}}");
      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("weight_map has \"../other.safetensors\" for wte.weight; expected");
      Files.writeString(index, "{\"weight_map\":{\"wte.weight\":\"a.safetensors\"}}");
      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("a.safetensors: there is no such file");
      Files.copy(Golden.path("fp32/model.safetensors"), directory.resolve("a.safetensors"));
      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("weight_map has wte.weight in a.safetensors, but it is not there");
      Files.writeString(index, "[]");
      assertThatThrownBy(() -> Gpt2Checkpoint.weights(directory, scope))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("has no object weight_map");
    }
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }
}
