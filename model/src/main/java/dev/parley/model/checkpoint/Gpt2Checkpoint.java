package dev.parley.model.checkpoint;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Layout;
import dev.parley.model.gpt2.Gpt2Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A GPT-2 or DialoGPT on disk as Hugging Face lays it out: config.json and the weights, as
 * safetensors (one file, or shards with an index) or as PyTorch's {@code pytorch_model.bin} (both
 * formats; nothing in it is executed).
 */
public final class Gpt2Checkpoint {
  private static final String SAFETENSORS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String PYTORCH = "pytorch_model.bin";

  private Gpt2Checkpoint() {}

  /**
   * The shape in config.json. Keys that GPT-2 has defaults for may be missing.
   *
   * @throws CheckpointException that lists everything that is missing, wrong or unsupported
   */
  public static Gpt2Config config(Path directory) {
    requireDirectory(directory);
    return Gpt2ConfigFile.read(directory.resolve(Gpt2ConfigFile.NAME));
  }

  /**
   * The file that holds the weights, or the index of those that do; safetensors come first.
   *
   * @throws CheckpointException if there is none
   */
  public static Path weightsFile(Path directory) {
    requireDirectory(directory);
    for (String name : List.of(SAFETENSORS, INDEX, PYTORCH)) {
      if (Files.exists(directory.resolve(name))) {
        return directory.resolve(name);
      }
    }
    throw new CheckpointException(
        "%s has no weights: expected %s, %s or %s"
            .formatted(directory, SAFETENSORS, INDEX, PYTORCH));
  }

  /**
   * Loads the weights as fp32 (fp16 and bf16 convert exactly), tensor by tensor.
   *
   * @param parent names the device; closes the weights if the caller does not
   * @throws CheckpointException if a file is damaged or hostile, or its tensors are not those of
   *     config.json; no native memory is kept then
   */
  public static Gpt2Weights weights(Path directory, NDManager parent) {
    Gpt2Config config = config(directory);
    Path file = weightsFile(directory);
    Gpt2Names names = Gpt2Names.match(config, tensors(file), file);
    NDManager manager = parent.newSubManager();
    try (TensorReader reader = new TensorReader()) {
      names.head().ifPresent(head -> requireTied(head, names.parameters().get(0), reader));
      NDList arrays = new NDList();
      for (StoredTensor parameter : names.parameters()) {
        arrays.add(reader.read(parameter, manager));
      }
      return new Gpt2Weights(config, manager, arrays);
    } catch (RuntimeException | Error e) {
      manager.close();
      throw e;
    }
  }

  /**
   * Writes config.json, generation_config.json and model.safetensors (fp32, Hugging Face's names).
   * The same weights give the same bytes. All three appear together, when they are safely on disk;
   * if writing fails, the directory's files stay as they were.
   *
   * @param directory made if it does not exist
   */
  public static void write(Path directory, Gpt2Weights weights) {
    List<Gpt2Layout.Entry> layout = Gpt2Layout.of(weights.config());
    SortedMap<String, NDArray> tensors = new TreeMap<>();
    for (int i = 0; i < layout.size(); i++) {
      tensors.put("transformer." + layout.get(i).name(), weights.arrays().get(i));
    }
    try {
      Files.createDirectories(directory);
      try (StagedFiles files = new StagedFiles(directory)) {
        files.write(SAFETENSORS, channel -> SafetensorsWriter.write(channel, tensors));
        files.write("generation_config.json", Gpt2ConfigFile.writeGeneration(weights.config()));
        files.write(Gpt2ConfigFile.NAME, Gpt2ConfigFile.write(weights.config()));
        files.publish();
      }
    } catch (IOException e) {
      throw CheckpointException.io("write the model to", directory, e);
    }
  }

  private static Map<String, StoredTensor> tensors(Path file) {
    String name = file.getFileName().toString();
    return switch (name) {
      case SAFETENSORS -> Safetensors.read(file);
      case INDEX -> ShardIndex.read(file);
      case PYTORCH -> TorchFile.read(file);
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static void requireTied(StoredTensor head, StoredTensor embedding, TensorReader reader) {
    if (!reader.sameNumbers(head, embedding)) {
      throw CheckpointException.in(
          head.file(),
          "%s differs from %s: untied heads are not supported, GPT-2's head is its embedding",
          head.name(),
          embedding.name());
    }
  }

  private static void requireDirectory(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new CheckpointException(
          "%s is not a directory: expected one with config.json and weights".formatted(directory));
    }
  }
}
