package dev.parley.model.checkpoint;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Layout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The tensors of a checkpoint, matched with those of a GPT-2: with or without the prefixes {@code
 * module.} (data parallel training) and {@code transformer.} (a model with a head), without the
 * buffers that older checkpoints hold.
 *
 * @param parameters in the order of {@link Gpt2Layout}
 * @param head the output head, if the checkpoint has one of its own
 */
record Gpt2Names(List<StoredTensor> parameters, Optional<StoredTensor> head) {
  private static final Pattern BUFFER = Pattern.compile("h\\.\\d+\\.attn\\.(bias|masked_bias)");
  private static final String EMBEDDING = "wte.weight";
  private static final String HEAD = "lm_head.weight";
  private static final int MOST_LISTED = 20;

  /**
   * Matches.
   *
   * @param found by name
   * @param file for messages
   * @throws CheckpointException that lists every missing, unexpected and wrong-shaped tensor
   */
  static Gpt2Names match(Gpt2Config config, Map<String, StoredTensor> found, Path file) {
    Map<String, StoredTensor> rest = new LinkedHashMap<>();
    List<String> twice = new ArrayList<>();
    found.forEach(
        (name, tensor) -> {
          String bare = bare(name);
          if (!BUFFER.matcher(bare).matches() && rest.put(bare, tensor) != null) {
            twice.add(name);
          }
        });
    List<StoredTensor> parameters = new ArrayList<>();
    List<String> missing = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    Optional<StoredTensor> head = Optional.ofNullable(rest.remove(HEAD));
    for (Gpt2Layout.Entry entry : Gpt2Layout.of(config)) {
      StoredTensor tensor = rest.remove(entry.name());
      if (tensor == null) {
        missing.add(entry.name() + " " + entry.shape());
        continue;
      }
      parameters.add(tensor);
      check(tensor, entry, entry.name(), wrong);
      if (entry.name().equals(EMBEDDING)) {
        head.ifPresent(own -> check(own, entry, HEAD, wrong));
      }
    }
    List<String> unexpected = new ArrayList<>();
    rest.forEach((name, tensor) -> unexpected.add(name + " " + tensor.shape()));
    StringBuilder problems = new StringBuilder();
    list(problems, "missing", missing);
    list(problems, "unexpected", unexpected);
    list(problems, "wrong", wrong);
    list(problems, "there twice, with and without prefix", twice);
    if (!problems.isEmpty()) {
      throw CheckpointException.in(
          file,
          "the tensors are not those of config.json (vocab_size %d, n_positions %d, n_embd %d,"
              + " n_layer %d):%s",
          config.vocabularySize(),
          config.contextLength(),
          config.embeddingSize(),
          config.layerCount(),
          problems);
    }
    return new Gpt2Names(List.copyOf(parameters), head);
  }

  private static String bare(String name) {
    String bare = name.startsWith("module.") ? name.substring("module.".length()) : name;
    bare = bare.startsWith("transformer.") ? bare.substring("transformer.".length()) : bare;
    return bare.equals("lm_head.decoder.weight") ? HEAD : bare; // DialoGPT's own releases
  }

  private static void check(
      StoredTensor tensor, Gpt2Layout.Entry entry, String name, List<String> wrong) {
    List<Long> expected = entry.shape().stream().map(Integer::longValue).toList();
    if (!tensor.shape().equals(expected)) {
      wrong.add("%s is %s, expected %s".formatted(name, tensor.shape(), expected));
    }
    if (!tensor.type().isReadable()) {
      wrong.add("%s is %s, expected F32, F16, BF16 or F64".formatted(name, tensor.type()));
    }
  }

  private static void list(StringBuilder out, String what, List<String> names) {
    if (names.isEmpty()) {
      return;
    }
    out.append("\n  ").append(what).append(" (").append(names.size()).append("): ");
    out.append(String.join("; ", names.subList(0, Math.min(MOST_LISTED, names.size()))));
    if (names.size() > MOST_LISTED) {
      out.append("; and ").append(names.size() - MOST_LISTED).append(" more");
    }
  }
}
