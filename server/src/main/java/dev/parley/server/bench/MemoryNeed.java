package dev.parley.server.bench;

import ai.djl.Device;
import com.sun.management.OperatingSystemMXBean;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import java.lang.management.ManagementFactory;

/** What a benchmark takes of a machine's memory, asked before it begins. */
final class MemoryNeed {
  private static final double GIB = 1L << 30;

  private MemoryNeed() {}

  /**
   * Checks that a model and its caches fit.
   *
   * @param cachedTokens at once, over all conversations
   * @throws IllegalArgumentException if they cannot
   */
  static void check(Gpt2Config config, long cachedTokens) {
    // While a model is packed, its fp32 weights and a copy of them are there at once.
    long weights = 2 * config.parameterCount() * Float.BYTES;
    long cache =
        Math.multiplyExact(cachedTokens, Precision.FP32.cacheBytesPerToken(config, Device.cpu()));
    OperatingSystemMXBean machine =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long memory = machine.getTotalMemorySize();
    if (weights / 2 + cache > memory || weights > memory) {
      throw new IllegalArgumentException(
          "the weights (%.1f GiB while they are packed) and the keys and values of %d tokens (%.1f GiB) do not fit into this machine's %.1f GiB: use a smaller shape, fewer streams or a shorter context"
              .formatted(weights / GIB, cachedTokens, cache / GIB, memory / GIB));
    }
  }
}
