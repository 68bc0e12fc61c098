package dev.parley.model.hub;

import dev.parley.model.checkpoint.ShardIndex;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;

/** Which files of a repository Parley needs, and whether they are all there. */
final class ModelFiles {
  static final String CONFIG = "config.json";
  static final String TOKENIZER = "tokenizer.json";
  static final String ADDED_TOKENS = "added_tokens.json";
  static final String SAFETENSORS = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";
  static final String PYTORCH = "pytorch_model.bin";

  /** A tokenizer, where there is no {@value #TOKENIZER}. */
  static final List<String> VOCABULARY = List.of("vocab.json", "merges.txt");

  /** Read or handed on where they are there. */
  static final List<String> OPTIONAL =
      List.of("generation_config.json", "tokenizer_config.json", "special_tokens_map.json");

  /** The forms of weights, the best first: safe, and quick to read. */
  static final List<String> WEIGHTS = List.of(SAFETENSORS, INDEX, PYTORCH);

  private ModelFiles() {}

  /** Whether a directory has all that a model needs. */
  static boolean isComplete(Path directory) {
    boolean tokenizer =
        has(directory, TOKENIZER) || VOCABULARY.stream().allMatch(name -> has(directory, name));
    return has(directory, CONFIG)
        && tokenizer
        && weights(directory).map(form -> hasShards(directory, form)).orElse(false);
  }

  /** The form of weights that a directory has. */
  static Optional<String> weights(Path directory) {
    return WEIGHTS.stream().filter(name -> has(directory, name)).findFirst();
  }

  /** The files that an index names. */
  static SortedSet<String> shards(Path directory) {
    return ShardIndex.shards(directory.resolve(INDEX));
  }

  private static boolean hasShards(Path directory, String form) {
    return !form.equals(INDEX) || shards(directory).stream().allMatch(name -> has(directory, name));
  }

  private static boolean has(Path directory, String name) {
    return Files.isRegularFile(directory.resolve(name));
  }
}
