package dev.parley.model.text;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a directory's files say about a tokenizer.
 *
 * @param source the files, for messages
 * @param json a tokenizer.json for ordinary text: without control tokens that text could spell,
 *     without truncation, padding and added tokens around it, without random dropout
 * @param bytes what each id stands for; nothing for control tokens
 * @param endOfText the id of {@code <|endoftext|>}
 */
record TokenizerDefinition(String source, String json, byte[][] bytes, int endOfText) {
  static final String END_OF_TEXT = "<|endoftext|>";
  static final String TOKENIZER = "tokenizer.json";
  static final String VOCABULARY = "vocab.json";
  static final String MERGES = "merges.txt";
  private static final String ADDED = "added_tokens.json";

  /** Every file of a tokenizer, needed or not, that belongs to a copy of it. */
  static final List<String> FILES =
      List.of(
          TOKENIZER, VOCABULARY, MERGES, ADDED, "special_tokens_map.json", "tokenizer_config.json");

  private static final JsonMapper JSON = new JsonMapper();

  static TokenizerDefinition read(Path directory) {
    requireFiles(directory);
    Path file = directory.resolve(TOKENIZER);
    if (Files.isRegularFile(file)) {
      return of(file.toString(), readObject(file));
    }
    ObjectNode vocabulary = readObject(directory.resolve(VOCABULARY));
    Path added = directory.resolve(ADDED);
    ObjectNode more = Files.isRegularFile(added) ? readObject(added) : JSON.createObjectNode();
    ObjectNode json = byteLevelBpe(vocabulary, readMerges(directory.resolve(MERGES)), more);
    return of("%s with %s".formatted(directory.resolve(VOCABULARY), MERGES), json);
  }

  /** Fails unless a directory holds one of the two sets of files. */
  static void requireFiles(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new TokenizerException("%s is not a directory".formatted(directory));
    }
    if (!Files.isRegularFile(directory.resolve(TOKENIZER))
        && !(Files.isRegularFile(directory.resolve(VOCABULARY))
            && Files.isRegularFile(directory.resolve(MERGES)))) {
      throw new TokenizerException(
          "%s has no tokenizer: it needs %s, or %s and %s"
              .formatted(directory, TOKENIZER, VOCABULARY, MERGES));
    }
  }

  /**
   * GPT-2's tokenizer as Hugging Face's tokenizer.json.
   *
   * @param vocabulary token → id
   * @param merges pairs, the most frequent first, each as {@code left right}
   * @param added control tokens → id, besides the end of text
   */
  static ObjectNode byteLevelBpe(ObjectNode vocabulary, List<String> merges, ObjectNode added) {
    ObjectNode json = JSON.createObjectNode();
    json.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode addedTokens = json.putArray("added_tokens");
    if (vocabulary.has(END_OF_TEXT)) {
      addControlToken(addedTokens, END_OF_TEXT, vocabulary.get(END_OF_TEXT));
    }
    added.properties().stream()
        .filter(entry -> !entry.getKey().equals(END_OF_TEXT) || addedTokens.isEmpty())
        .forEach(entry -> addControlToken(addedTokens, entry.getKey(), entry.getValue()));
    json.putNull("normalizer");
    putByteLevel(json, "pre_tokenizer");
    json.putNull("post_processor");
    putByteLevel(json, "decoder");
    ObjectNode model = json.putObject("model");
    model.put("type", "BPE").putNull("dropout").putNull("unk_token");
    model.put("continuing_subword_prefix", "").put("end_of_word_suffix", "");
    model.put("fuse_unk", false).put("byte_fallback", false);
    model.set("vocab", vocabulary);
    ArrayNode pairs = model.putArray("merges");
    merges.forEach(pairs::add);
    return json;
  }

  private static void addControlToken(ArrayNode added, String content, JsonNode id) {
    ObjectNode token = added.addObject();
    token.set("id", id);
    token.put("content", content).put("single_word", false).put("lstrip", false);
    token.put("rstrip", false).put("normalized", false).put("special", true);
  }

  private static void putByteLevel(ObjectNode json, String key) {
    ObjectNode byteLevel = json.putObject(key).put("type", "ByteLevel");
    byteLevel.put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", true);
  }

  /** Takes a tokenizer.json apart, and changes it to one for ordinary text. */
  private static TokenizerDefinition of(String source, ObjectNode json) {
    requireByteLevelBpe(source, json);
    ObjectNode model = (ObjectNode) json.get("model");
    ObjectNode vocabulary = (ObjectNode) model.get("vocab");
    Map<String, Boolean> controlByContent = new HashMap<>();
    ArrayNode kept = JSON.createArrayNode();
    for (JsonNode token : json.path("added_tokens")) {
      String content = token.path("content").asString("");
      boolean control = token.path("special").asBoolean(false);
      controlByContent.put(content, control);
      vocabulary.set(content, token.path("id")); // so that the others keep their ids
      if (!control) {
        kept.add(token);
      }
    }
    controlByContent.put(END_OF_TEXT, true);
    json.set("added_tokens", kept);
    json.putNull("truncation").putNull("padding").putNull("post_processor");
    model.putNull("dropout");

    byte[][] bytes = bytes(source, vocabulary, controlByContent);
    JsonNode endOfText = vocabulary.get(END_OF_TEXT);
    if (endOfText == null) {
      throw new TokenizerException(
          "%s has no token %s, which ends a turn".formatted(source, END_OF_TEXT));
    }
    return new TokenizerDefinition(source, JSON.writeValueAsString(json), bytes, endOfText.asInt());
  }

  private static void requireByteLevelBpe(String source, ObjectNode json) {
    JsonNode model = json.path("model");
    String type = model.path("type").asString("BPE");
    String decoder = json.path("decoder").path("type").asString("none");
    if (!type.equals("BPE") || !model.path("vocab").isObject() || !decoder.equals("ByteLevel")) {
      throw new TokenizerException(
          "%s has model %s and decoder %s, but must be a byte-level BPE: model BPE, decoder"
                  .formatted(source, type, decoder)
              + " ByteLevel");
    }
  }

  private static byte[][] bytes(
      String source, ObjectNode vocabulary, Map<String, Boolean> controlByContent) {
    byte[][] bytes = new byte[vocabulary.size()][];
    for (Map.Entry<String, JsonNode> entry : vocabulary.properties()) {
      String token = entry.getKey();
      int id = entry.getValue().isInt() ? entry.getValue().asInt() : -1;
      if (id < 0 || id >= bytes.length || bytes[id] != null) {
        throw new TokenizerException(
            "%s gives the token '%s' the id %s, but the ids must be 0 to %d, each once"
                .formatted(source, token, entry.getValue(), bytes.length - 1));
      }
      bytes[id] = bytes(source, token, controlByContent.get(token));
    }
    return bytes;
  }

  private static byte[] bytes(String source, String token, @Nullable Boolean control) {
    if (control != null) {
      return control ? new byte[0] : token.getBytes(StandardCharsets.UTF_8);
    }
    if (!ByteAlphabet.isSpelled(token)) {
      throw new TokenizerException(
          "%s has the token '%s', which is not spelled in the byte-level alphabet"
              .formatted(source, token));
    }
    return ByteAlphabet.bytes(token);
  }

  private static List<String> readMerges(Path file) {
    try {
      return Files.readString(file)
          .lines()
          .filter(line -> !line.isEmpty() && !line.startsWith("#version"))
          .toList();
    } catch (IOException e) {
      throw new TokenizerException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static ObjectNode readObject(Path file) {
    try {
      if (JSON.readTree(Files.readString(file)) instanceof ObjectNode object) {
        return object;
      }
      throw new TokenizerException("%s is not a JSON object".formatted(file));
    } catch (JacksonException e) {
      throw new TokenizerException(
          "%s is no JSON: %s at line %d, column %d"
              .formatted(
                  file,
                  e.getOriginalMessage(),
                  e.getLocation().getLineNr(),
                  e.getLocation().getColumnNr()),
          e);
    } catch (IOException e) {
      throw new TokenizerException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }
}
