package dev.parley.server.models;

import dev.parley.v1.GenerationParameters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a version's generation_config.json, in Hugging Face's words, says about replies. */
final class GenerationDefaults {
  private static final String FILE = "generation_config.json";
  private static final JsonMapper JSON = JsonMapper.shared();

  private GenerationDefaults() {}

  /**
   * Its parameters; empty where the file is missing or silent.
   *
   * @throws IllegalArgumentException if the file is not JSON
   */
  static GenerationParameters read(Path directory) {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file)) {
      return GenerationParameters.getDefaultInstance();
    }
    JsonNode json;
    try {
      json = JSON.readTree(Files.readString(file));
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "%s is damaged: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    GenerationParameters.Builder p = GenerationParameters.newBuilder();
    number(json, "max_new_tokens", node -> p.setMaxNewTokens(node.intValue()));
    number(json, "min_new_tokens", node -> p.setMinNewTokens(node.intValue()));
    number(json, "temperature", node -> p.setTemperature(node.floatValue()));
    number(json, "top_k", node -> p.setTopK(node.intValue()));
    number(json, "top_p", node -> p.setTopP(node.floatValue()));
    number(json, "min_p", node -> p.setMinP(node.floatValue()));
    number(json, "typical_p", node -> p.setTypicalP(node.floatValue()));
    number(json, "repetition_penalty", node -> p.setRepetitionPenalty(node.floatValue()));
    number(json, "no_repeat_ngram_size", node -> p.setNoRepeatNgramSize(node.intValue()));
    JsonNode sample = json.path("do_sample");
    if (sample.isBoolean()) {
      p.setDoSample(sample.booleanValue());
    }
    return p.build();
  }

  private static void number(JsonNode json, String key, Consumer<JsonNode> taker) {
    JsonNode node = json.path(key);
    if (node.isNumber()) {
      taker.accept(node);
    }
  }
}
