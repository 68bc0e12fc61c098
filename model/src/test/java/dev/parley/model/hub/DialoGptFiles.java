package dev.parley.model.hub;

import dev.parley.model.text.Gpt2Vocabulary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The files of a repository like DialoGPT's: a legacy fp16 pytorch_model.bin with an own copy of
 * the head and mask buffers, config.json, vocab.json and merges.txt, nothing newer. And one of
 * today.
 */
final class DialoGptFiles {
  private static final int BYTES = 256;
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  private static Map<String, byte[]> tokenizer = Map.of();

  private DialoGptFiles() {}

  static Map<String, byte[]> legacy(Path scratch) throws IOException {
    Map<String, byte[]> files = new TreeMap<>(tokenizer(scratch));
    files.put("config.json", golden("legacy/config.json"));
    files.put("pytorch_model.bin", golden("legacy/pytorch_model.bin"));
    files.put("README.md", "not needed".getBytes(StandardCharsets.UTF_8));
    files.put("tf_model.h5", "not needed".getBytes(StandardCharsets.UTF_8));
    return files;
  }

  /** The same model in every form at once. */
  static Map<String, byte[]> everything(Path scratch) throws IOException {
    Map<String, byte[]> files = legacy(scratch);
    for (String name : new String[] {"config.json", "generation_config.json"}) {
      files.put(name, golden("fp32/" + name));
    }
    files.put("model.safetensors", golden("fp32/model.safetensors"));
    return files;
  }

  static Map<String, byte[]> sharded(Path scratch) throws IOException {
    Map<String, byte[]> files = new TreeMap<>(tokenizer(scratch));
    files.put("config.json", golden("sharded/config.json"));
    files.put("model.safetensors.index.json", golden("sharded/model.safetensors.index.json"));
    for (int i = 1; i <= 3; i++) {
      String shard = "model-0000%d-of-00003.safetensors".formatted(i);
      files.put(shard, golden("sharded/" + shard));
    }
    return files;
  }

  /** 257 tokens: the bytes and the end of text. Made once. */
  private static synchronized Map<String, byte[]> tokenizer(Path scratch) throws IOException {
    if (!tokenizer.isEmpty()) {
      return tokenizer;
    }
    Path directory = Files.createTempDirectory(scratch, "tokenizer");
    Gpt2Vocabulary.write(directory);
    JsonMapper json = new JsonMapper();
    ObjectNode vocabulary = json.createObjectNode();
    for (Map.Entry<String, JsonNode> entry :
        json.readTree(Files.readString(directory.resolve("vocab.json"))).properties()) {
      if (entry.getValue().asInt() < BYTES) {
        vocabulary.set(entry.getKey(), entry.getValue());
      }
    }
    vocabulary.put("<|endoftext|>", BYTES);
    tokenizer =
        Map.of(
            "vocab.json",
            json.writeValueAsString(vocabulary).getBytes(StandardCharsets.UTF_8),
            "merges.txt",
            "#version: 0.2\n".getBytes(StandardCharsets.UTF_8));
    return tokenizer;
  }

  private static byte[] golden(String name) throws IOException {
    return Files.readAllBytes(GOLDEN.resolve(name));
  }
}
