package dev.parley.server.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Layout;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;

/** A GPT-2 of some shape with random weights in one precision. Closed before the next is made. */
final class BenchModel implements AutoCloseable {
  private static final long SEED = 1;

  private final NDManager scope;
  private final Gpt2Decoder decoder;

  private BenchModel(NDManager scope, Gpt2Decoder decoder) {
    this.scope = scope;
    this.decoder = decoder;
  }

  static BenchModel of(Gpt2Config config, Precision precision, Device device) {
    NDManager scope = Torch.newScope(device);
    try {
      return new BenchModel(scope, Torch.aside(() -> decoder(config, precision, scope)));
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private static Gpt2Decoder decoder(Gpt2Config config, Precision precision, NDManager scope) {
    try (Gpt2Weights weights = weights(config, scope)) {
      return Gpt2Decoder.load(weights, precision);
    }
  }

  /**
   * As {@link Gpt2Weights#random}, but by libtorch's generator: a model is made anew in each round,
   * and nobody compares its replies.
   */
  private static Gpt2Weights weights(Gpt2Config config, NDManager scope) {
    Torch.seed(SEED);
    NDManager manager = scope.newSubManager();
    NDList arrays = new NDList();
    for (Gpt2Layout.Entry entry : Gpt2Layout.of(config)) {
      Shape shape = new Shape(entry.shape().stream().mapToLong(Integer::longValue).toArray());
      arrays.add(array(entry.name(), shape, config, manager));
    }
    return new Gpt2Weights(config, manager, arrays);
  }

  private static NDArray array(String name, Shape shape, Gpt2Config config, NDManager manager) {
    if (name.endsWith(".bias")) {
      return manager.zeros(shape, DataType.FLOAT32);
    }
    if (name.contains("ln_")) {
      return manager.ones(shape, DataType.FLOAT32);
    }
    return manager.randomNormal(0, (float) config.initializerRange(), shape, DataType.FLOAT32);
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
