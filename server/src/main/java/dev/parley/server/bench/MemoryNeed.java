package dev.parley.server.bench;

import ai.djl.Device;
import com.sun.management.OperatingSystemMXBean;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import java.lang.management.ManagementFactory;

/** What a benchmark takes of a machine's memory, asked before it begins. */
final class MemoryNeed {
  private static final double GIB = 1L << 30;

  /** Of a parameter while a model is packed: in fp32, and a copy. */
  private static final long PACKING_BYTES = 2 * Float.BYTES;

  /** Of a parameter in the largest precision, with what is kept beside the projections. */
  private static final long MOST_BYTES = 5;

  private MemoryNeed() {}

  /** Whether a model fits into half of this machine's memory in so many precisions at once. */
  static boolean together(Gpt2Config config, int precisions) {
    return (precisions * MOST_BYTES + PACKING_BYTES) * config.parameterCount() < memory() / 2;
  }

  /**
   * Checks that a model and its caches fit.
   *
   * @param cachedTokens at once, over all conversations
   * @throws IllegalArgumentException if they cannot
   */
  static void check(Gpt2Config config, long cachedTokens) {
    long weights = PACKING_BYTES * config.parameterCount();
    long cache =
        Math.multiplyExact(cachedTokens, Precision.FP32.cacheBytesPerToken(config, Device.cpu()));
    long memory = memory();
    if (weights / 2 + cache > memory || weights > memory) {
      throw new IllegalArgumentException(
          "the weights (%.1f GiB while they are packed) and the keys and values of %d tokens (%.1f GiB) do not fit into this machine's %.1f GiB: use a smaller shape, fewer streams or a shorter context"
              .formatted(weights / GIB, cachedTokens, cache / GIB, memory / GIB));
    }
  }

  private static long memory() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
