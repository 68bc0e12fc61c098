package dev.parley.model.registry;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Takes a directory in Hugging Face layout into the registry, after checking that it fits. */
final class HuggingFaceImport {
  private static final String SAFETENSORS = "model.safetensors";
  private static final String GENERATION = "generation_config.json";

  private HuggingFaceImport() {}

  static RegisteredVersion run(
      Registry registry, String model, Path source, String origin, Direction direction) {
    requireDirection(registry, model, direction);
    requireMatchingTokenizer(source, Gpt2Checkpoint.config(source));
    Path weightsFile = Gpt2Checkpoint.weightsFile(source);
    try (StagedVersion staged = registry.stage(model);
        NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Checkpoint.weights(source, scope)) { // proves that they load
      Path target = staged.directory();
      if (weightsFile.endsWith(SAFETENSORS)) {
        copy(source, target, List.of("config.json", GENERATION, SAFETENSORS));
      } else {
        Gpt2Checkpoint.write(target, weights);
        copy(source, target, List.of(GENERATION));
      }
      Tokenizer.copyFiles(source, target);
      return staged.publish(
          Lineage.untrained("imported", origin, DurableFiles.sha256(weightsFile), direction, 0));
    } catch (IOException e) {
      throw RegistryException.of("import %s as '%s'".formatted(source, model), source, e);
    }
  }

  private static void requireDirection(Registry registry, String model, Direction direction) {
    registry
        .direction(model)
        .filter(present -> present != direction)
        .ifPresent(
            present -> {
              throw new RegistryException(
                  "'%s' has %s versions, but the one to import is %s; give it a name of its own"
                      .formatted(model, present, direction));
            });
  }

  private static void requireMatchingTokenizer(Path source, Gpt2Config config) {
    try (Tokenizer tokenizer = Tokenizer.load(source)) {
      if (tokenizer.vocabularySize() != config.vocabularySize()) {
        throw new RegistryException(
            "%s does not fit together: its tokenizer has %d tokens, but config.json says vocab_size %d"
                .formatted(source, tokenizer.vocabularySize(), config.vocabularySize()));
      }
      if (tokenizer.endOfText() != config.endOfText()) {
        throw new RegistryException(
            ("%s does not fit together: its tokenizer ends a turn with %d, but config.json says"
                    + " eos_token_id %d")
                .formatted(source, tokenizer.endOfText(), config.endOfText()));
      }
    }
  }

  private static void copy(Path source, Path target, List<String> names) throws IOException {
    for (String name : names) {
      if (Files.exists(source.resolve(name))) {
        Files.deleteIfExists(target.resolve(name));
        Files.copy(source.resolve(name), target.resolve(name));
      }
    }
  }
}
