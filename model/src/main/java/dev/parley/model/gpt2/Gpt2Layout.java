package dev.parley.model.gpt2;

import java.util.ArrayList;
import java.util.List;

/**
 * The parameters of a GPT-2 by name and shape, in the order in which the program takes them: token
 * and position embedding, twelve tensors a layer, the last LayerNorm. Names and shapes are those of
 * Hugging Face's {@code GPT2Model}; projections are {@code Conv1D}, [in, out]. The output head is
 * the token embedding.
 */
public final class Gpt2Layout {
  private Gpt2Layout() {}

  /**
   * One parameter.
   *
   * @param name without the {@code transformer.} prefix
   */
  public record Entry(String name, List<Integer> shape) {
    /** How many numbers it is. */
    public long elementCount() {
      return shape.stream().mapToLong(Integer::longValue).reduce(1, Math::multiplyExact);
    }
  }

  /** Every parameter of a shape. */
  public static List<Entry> of(Gpt2Config config) {
    int size = config.embeddingSize();
    List<Entry> entries = new ArrayList<>();
    entries.add(entry("wte.weight", config.vocabularySize(), size));
    entries.add(entry("wpe.weight", config.contextLength(), size));
    for (int layer = 0; layer < config.layerCount(); layer++) {
      String block = "h." + layer + ".";
      layerNorm(entries, block + "ln_1", size);
      projection(entries, block + "attn.c_attn", size, 3 * size);
      projection(entries, block + "attn.c_proj", size, size);
      layerNorm(entries, block + "ln_2", size);
      projection(entries, block + "mlp.c_fc", size, 4 * size);
      projection(entries, block + "mlp.c_proj", 4 * size, size);
    }
    layerNorm(entries, "ln_f", size);
    return List.copyOf(entries);
  }

  private static void layerNorm(List<Entry> entries, String name, int size) {
    entries.add(entry(name + ".weight", size));
    entries.add(entry(name + ".bias", size));
  }

  private static void projection(List<Entry> entries, String name, int in, int out) {
    entries.add(entry(name + ".weight", in, out));
    entries.add(entry(name + ".bias", out));
  }

  private static Entry entry(String name, Integer... shape) {
    return new Entry(name, List.of(shape));
  }
}
