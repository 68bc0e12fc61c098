package dev.parley.server.bench;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;

/**
 * Lets everything but libtorch be compiled before anything is measured: HotSpot compiles a method
 * for good after five to fifteen thousand calls, on cores that libtorch needs. A server has done
 * that after its first minutes.
 */
final class WarmUp {
  /** Tokens that are enough for that. */
  private static final int TOKENS = 15_000;

  /** A model that costs next to nothing. */
  private static final Gpt2Config SMALLEST = Gpt2Config.of(1, 8, 1, 128);

  /** Half of a conversation's context. */
  static final int HALF = SMALLEST.contextLength() / 2;

  private WarmUp() {}

  /** Makes so many tokens of a reply for each stream as are half of a context. */
  interface Replies {
    void make(BenchModel model) throws InterruptedException;
  }

  static void run(Device device, int streams, Replies replies) throws InterruptedException {
    BenchWeights weights = BenchWeights.random(SMALLEST);
    try (BenchModel model = BenchModel.of(weights, Precision.REFERENCE, device)) {
      for (int tokens = 0; tokens < TOKENS; tokens += streams * HALF) {
        replies.make(model);
      }
    }
  }
}
