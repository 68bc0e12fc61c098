package dev.parley.server.bench;

import ai.djl.Device;
import com.sun.management.OperatingSystemMXBean;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import java.lang.management.ManagementFactory;
import java.util.Collection;

/** What a benchmark takes of a machine's memory, asked before it begins. */
final class MemoryNeed {
  private static final double GIB = 1L << 30;

  /** Of a parameter while a model is packed: in fp32, and a copy. */
  private static final long PACKING_BYTES = 2 * Float.BYTES;

  private MemoryNeed() {}

  /**
   * Whether a model in several precisions at once, each with its caches, leaves a quarter of the
   * memory.
   *
   * @param cachedTokens at once, over all conversations
   */
  static boolean together(Gpt2Config config, Collection<Precision> precisions, long cachedTokens) {
    // The token embedding may be there twice, as the embedding and packed as the head.
    double bytes = 2 * precisions.stream().mapToDouble(StepCost::bytes).sum();
    double models = (bytes + PACKING_BYTES) * config.parameterCount();
    long caches = precisions.size() * cacheBytes(config, cachedTokens);
    return models + caches <= memory() / 4 * 3;
  }

  /**
   * Checks that a model and its caches fit.
   *
   * @param cachedTokens at once, over all conversations
   * @throws IllegalArgumentException if they cannot
   */
  static void check(Gpt2Config config, long cachedTokens) {
    long weights = PACKING_BYTES * config.parameterCount();
    long cache = cacheBytes(config, cachedTokens);
    long memory = memory();
    if (weights / 2 + cache > memory || weights > memory) {
      throw new IllegalArgumentException(
          "the weights (%.1f GiB while they are packed) and the keys and values of %d tokens (%.1f GiB) do not fit into this machine's %.1f GiB: use a smaller shape, fewer streams or a shorter context"
              .formatted(weights / GIB, cachedTokens, cache / GIB, memory / GIB));
    }
  }

  private static long cacheBytes(Gpt2Config config, long tokens) {
    return Math.multiplyExact(tokens, Precision.FP32.cacheBytesPerToken(config, Device.cpu()));
  }

  private static long memory() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
