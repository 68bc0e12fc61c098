package dev.parley.model.gpt2;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Low-rank adapters (LoRA, Hu et al. 2021): a frozen projection {@code y = x W + b} becomes {@code
 * x W + b + alpha / rank * dropout(x) A B}, and only A: [in, rank] and B: [rank, out] are trained.
 * As B begins with zeros, an adapter begins as nothing.
 *
 * @param rank at least 1
 * @param alpha above 0; the adapter counts {@code alpha / rank} times
 * @param dropout of what goes into A, in [0, 1)
 * @param targets the projections that have an adapter, in every layer; at least one, each once
 */
public record Lora(int rank, double alpha, double dropout, List<Projection> targets) {
  /** A projection of a layer. */
  public enum Projection {
    /** Queries, keys and values: [size, 3 size]. */
    ATTENTION_IN("attn.c_attn", 1, 2, 1, 3),
    /** [size, size]. */
    ATTENTION_OUT("attn.c_proj", 2, 4, 1, 1),
    /** [size, 4 size]. */
    MLP_IN("mlp.c_fc", 4, 8, 1, 4),
    /** [4 size, size]. */
    MLP_OUT("mlp.c_proj", 8, 10, 4, 1);

    private final String key;

    /** Its own in the program's set of targets; the order is that of a layer. */
    private final int bit;

    /** Where its weight stands among the twelve tensors of a layer; see {@link Gpt2Layout}. */
    final int offset;

    private final int in;
    private final int out;

    Projection(String key, int bit, int offset, int in, int out) {
      this.key = key;
      this.bit = bit;
      this.offset = offset;
      this.in = in;
      this.out = out;
    }

    /** Hugging Face's name within a layer, such as {@code attn.c_attn}. */
    public String key() {
      return key;
    }

    int in(Gpt2Config config) {
      return in * config.embeddingSize();
    }

    int out(Gpt2Config config) {
      return out * config.embeddingSize();
    }

    /**
     * The projection of a name.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Projection of(String name) {
      for (Projection projection : values()) {
        if (projection.key.equals(name.strip().toLowerCase(Locale.ROOT))) {
          return projection;
        }
      }
      throw new IllegalArgumentException(
          "'%s' is no projection: use attn.c_attn, attn.c_proj, mlp.c_fc or mlp.c_proj"
              .formatted(name));
    }
  }

  /** Brings the targets into the order of a layer. */
  public Lora {
    if (rank < 1 || !(alpha > 0) || !(dropout >= 0 && dropout < 1) || targets.isEmpty()) {
      throw new IllegalArgumentException(
          "LoRA with rank %d, alpha %s, dropout %s, targets %s: expected a rank of at least 1, alpha above 0, dropout in [0, 1), and a target"
              .formatted(rank, alpha, dropout, targets));
    }
    targets = targets.stream().distinct().sorted(Comparator.naturalOrder()).toList();
  }

  /** How much an adapter counts. */
  public double scale() {
    return alpha / rank;
  }

  /** How many numbers are trained. */
  public long parameterCount(Gpt2Config config) {
    return targets.stream()
        .mapToLong(target -> (long) rank * (target.in(config) + target.out(config)))
        .map(layer -> layer * config.layerCount())
        .sum();
  }

  /** A bit for each target, as the program takes them. */
  static int bits(Collection<Projection> targets) {
    return targets.stream().mapToInt(target -> target.bit).sum();
  }
}
