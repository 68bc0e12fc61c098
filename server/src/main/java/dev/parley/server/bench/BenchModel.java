package dev.parley.server.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;

/** A GPT-2 in one precision. */
final class BenchModel implements AutoCloseable {
  private final NDManager scope;
  private final Gpt2Decoder decoder;

  private BenchModel(NDManager scope, Gpt2Decoder decoder) {
    this.scope = scope;
    this.decoder = decoder;
  }

  static BenchModel of(BenchWeights weights, Precision precision, Device device) {
    NDManager scope = Torch.newScope(device);
    try {
      return new BenchModel(scope, Torch.aside(() -> decoder(weights, precision, scope)));
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private static Gpt2Decoder decoder(BenchWeights source, Precision precision, NDManager scope) {
    try (Gpt2Weights weights = source.make().apply(scope)) {
      return Gpt2Decoder.load(weights, precision);
    }
  }

  Gpt2Decoder decoder() {
    return decoder;
  }

  Gpt2Config config() {
    return decoder.config();
  }

  @Override
  public void close() {
    decoder.close();
    scope.close();
  }
}
