package dev.parley.model.checkpoint;

import dev.parley.model.gpt2.Gpt2Config;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A GPT-2's config.json. What Parley's GPT-2 cannot do is refused, never ignored; the keys of other
 * tasks (summary_*, task_specific_params) do not matter and are not read.
 *
 * <p>Source of names and defaults: {@code configuration_gpt2.py} in Hugging Face transformers 4.57.
 */
final class Gpt2ConfigFile {
  static final String NAME = "config.json";
  private static final long LONGEST = 1 << 20;

  /** Far beyond every GPT-2; what follows from the numbers must fit into memory. */
  private static final int MOST_TOKENS = 10_000_000;

  private static final int MOST_UNITS = 100_000;
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final JsonNode root;
  private final List<String> problems = new ArrayList<>();

  private Gpt2ConfigFile(JsonNode root) {
    this.root = root;
  }

  /**
   * Reads the shape.
   *
   * @throws CheckpointException that lists everything that is wrong or unsupported
   */
  static Gpt2Config read(Path file) {
    Gpt2ConfigFile reader = new Gpt2ConfigFile(parse(file));
    reader.refuseUnsupported();
    boolean old = reader.root.has("n_ctx") && !reader.root.has("n_positions");
    int context = reader.integer(old ? "n_ctx" : "n_positions", MOST_TOKENS);
    int vocabulary = reader.integer("vocab_size", MOST_TOKENS);
    int size = reader.integer("n_embd", MOST_UNITS);
    int layers = reader.integer("n_layer", MOST_UNITS);
    int heads = reader.integer("n_head", MOST_UNITS);
    double epsilon = reader.number("layer_norm_epsilon", 1e-5, 1);
    double range = reader.number("initializer_range", 0.02, 1e6);
    double dropout = reader.dropout();
    int endOfText =
        reader.root.has("eos_token_id")
            ? reader.integer("eos_token_id", MOST_TOKENS)
            : Gpt2Config.GPT2_VOCABULARY_SIZE - 1;
    reader.throwProblems(file);
    try {
      return new Gpt2Config(
          vocabulary, context, size, layers, heads, epsilon, range, dropout, endOfText);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(file + ": " + e.getMessage(), e);
    }
  }

  /** What Hugging Face transformers writes for such a model. */
  static byte[] write(Gpt2Config config) {
    ObjectNode json = JSON.createObjectNode();
    json.put("activation_function", "gelu_new");
    json.putArray("architectures").add("GPT2LMHeadModel");
    json.put("attn_pdrop", config.dropout());
    json.put("bos_token_id", config.endOfText());
    json.put("embd_pdrop", config.dropout());
    json.put("eos_token_id", config.endOfText());
    json.put("initializer_range", config.initializerRange());
    json.put("layer_norm_epsilon", config.layerNormEpsilon());
    json.put("model_type", "gpt2");
    json.put("n_ctx", config.contextLength()); // older versions read this one
    json.put("n_embd", config.embeddingSize());
    json.put("n_head", config.headCount());
    json.putNull("n_inner");
    json.put("n_layer", config.layerCount());
    json.put("n_positions", config.contextLength());
    json.put("reorder_and_upcast_attn", false);
    json.put("resid_pdrop", config.dropout());
    json.put("scale_attn_by_inverse_layer_idx", false);
    json.put("scale_attn_weights", true);
    json.put("tie_word_embeddings", true);
    json.put("torch_dtype", "float32");
    json.put("use_cache", true);
    json.put("vocab_size", config.vocabularySize());
    return bytes(json);
  }

  /** The generation_config.json beside it. */
  static byte[] writeGeneration(Gpt2Config config) {
    ObjectNode json = JSON.createObjectNode();
    json.put("_from_model_config", true);
    json.put("bos_token_id", config.endOfText());
    json.put("eos_token_id", config.endOfText());
    return bytes(json);
  }

  private static byte[] bytes(ObjectNode json) {
    String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json);
    return (text.replace("\r\n", "\n") + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private static JsonNode parse(Path file) {
    try {
      if (Files.size(file) > LONGEST) {
        throw CheckpointException.in(
            file, "has %d bytes; at most %d are allowed", Files.size(file), LONGEST);
      }
      JsonNode root = JSON.readTree(Files.readAllBytes(file));
      if (!root.isObject()) {
        throw CheckpointException.in(file, "is not a JSON object");
      }
      return root;
    } catch (IOException e) {
      throw CheckpointException.io("read", file, e);
    } catch (JacksonException e) {
      throw new CheckpointException(
          "%s is not valid JSON: %s".formatted(file, e.getOriginalMessage()), e);
    }
  }

  private void refuseUnsupported() {
    oneOf("model_type", Set.of("\"gpt2\""));
    oneOf("activation_function", Set.of("\"gelu_new\"", "\"gelu_pytorch_tanh\""));
    oneOf("n_inner", Set.of("null", String.valueOf(4L * root.path("n_embd").asLong(0))));
    oneOf("scale_attn_weights", Set.of("true"));
    oneOf("scale_attn_by_inverse_layer_idx", Set.of("false"));
    oneOf("tie_word_embeddings", Set.of("true"));
    oneOf("add_cross_attention", Set.of("false"));
  }

  private void oneOf(String key, Set<String> supported) {
    if (root.has(key) && !supported.contains(root.get(key).toString())) {
      problem(key, "supported: " + String.join(" or ", supported.stream().sorted().toList()));
    }
  }

  private int integer(String key, int most) {
    if (!root.has(key)) {
      problems.add(key + " is missing");
    } else if (!root.get(key).canConvertToInt() || !root.get(key).isIntegralNumber()) {
      problem(key, "expected a whole number");
    } else if (root.get(key).intValue() < 0 || root.get(key).intValue() > most) {
      problem(key, "expected a number from 0 to " + most);
    } else {
      return root.get(key).intValue();
    }
    return 0;
  }

  private double number(String key, double missing, double most) {
    if (!root.has(key)) {
      return missing;
    }
    double value = root.get(key).isNumber() ? root.get(key).doubleValue() : Double.NaN;
    if (!(value >= 0 && value <= most)) {
      problem(key, "expected a number from 0 to " + most);
    }
    return value;
  }

  /** Embeddings, attention and residuals have one rate here. */
  private double dropout() {
    double rate = number("resid_pdrop", 0.1, 1);
    for (String key : List.of("embd_pdrop", "attn_pdrop")) {
      double other = number(key, 0.1, 1);
      if (other != rate && !Double.isNaN(other) && !Double.isNaN(rate)) {
        problems.add(
            ("%s is %s, but resid_pdrop is %s; supported: one value for embd_pdrop, attn_pdrop and"
                    + " resid_pdrop (they matter in training only)")
                .formatted(key, other, rate));
      }
    }
    return rate;
  }

  private void problem(String key, String expected) {
    String value = root.get(key).toString();
    String shown = value.length() > 100 ? value.substring(0, 100) + "..." : value;
    problems.add("%s is %s; %s".formatted(key, shown, expected));
  }

  private void throwProblems(Path file) {
    if (!problems.isEmpty()) {
      throw new CheckpointException(
          "%s does not describe a GPT-2 that Parley runs:\n  %s"
              .formatted(file, String.join("\n  ", problems)));
    }
  }
}
