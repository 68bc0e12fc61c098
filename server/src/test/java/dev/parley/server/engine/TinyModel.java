package dev.parley.server.engine;

import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;
import java.util.function.Consumer;

/**
 * A small GPT-2 with random weights, large enough ones that its replies depend on everything before
 * them and are different for different conversations.
 */
public final class TinyModel {
  /** The end of a turn. */
  public static final int END = 299;

  private TinyModel() {}

  /** The CPU, or what {@code -Dparley.test.device} names. */
  public static Device device() {
    return Torch.device(System.getProperty("parley.test.device", "cpu"));
  }

  /** A shape with a vocabulary of 300. */
  static Gpt2Config config(int contextLength) {
    return new Gpt2Config(300, contextLength, 32, 2, 4, 1e-5, 0.6, 0, END);
  }

  static Gpt2Decoder decoder(int contextLength) {
    return decoder(config(contextLength), Precision.FP32);
  }

  /** The same weights for the same configuration. */
  public static Gpt2Decoder decoder(Gpt2Config config, Precision precision) {
    return decoder(config, precision, weights -> {});
  }

  /** With weights that were changed before. */
  public static Gpt2Decoder decoder(
      Gpt2Config config, Precision precision, Consumer<Gpt2Weights> change) {
    assumeThat(Precision.on(device())).contains(precision);
    Torch.setThreads(1);
    try (Gpt2Weights weights = Gpt2Weights.random(config, 7, Torch.newScope(device()))) {
      change.accept(weights);
      return Gpt2Decoder.load(weights, precision);
    }
  }

  /** Makes every conversation fail that gets as far as a position. */
  public static void breakPosition(Gpt2Weights weights, int position) {
    NDArray positions = weights.arrays().get(1);
    positions.set(new NDIndex(position + ", :"), Float.NaN);
  }
}
