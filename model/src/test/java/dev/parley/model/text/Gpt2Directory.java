package dev.parley.model.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Directories with GPT-2's tokenizer in its two forms, and the golden files. */
final class Gpt2Directory {
  private Gpt2Directory() {}

  /** A directory with only {@code tokenizer.json}. */
  static Path withTokenizerJson(Path parent) throws IOException {
    Path directory = Files.createDirectory(parent.resolve("tokenizer-json"));
    Gpt2Vocabulary.write(directory);
    Files.delete(directory.resolve("vocab.json"));
    Files.delete(directory.resolve("merges.txt"));
    return directory;
  }

  /** A directory with only {@code vocab.json} and {@code merges.txt}, as DialoGPT has them. */
  static Path withVocabularyAndMerges(Path parent) throws IOException {
    Path directory = Files.createDirectory(parent.resolve("vocabulary-and-merges"));
    Gpt2Vocabulary.write(directory);
    Files.delete(directory.resolve("tokenizer.json"));
    return directory;
  }

  static JsonNode golden(String name) {
    try (InputStream file = Gpt2Directory.class.getResourceAsStream("/golden/tokenizer/" + name)) {
      return new JsonMapper().readTree(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static int[] ints(JsonNode array) {
    return array.valueStream().mapToInt(JsonNode::asInt).toArray();
  }
}
