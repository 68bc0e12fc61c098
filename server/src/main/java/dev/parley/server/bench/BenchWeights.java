package dev.parley.server.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Layout;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.torch.Torch;
import java.nio.file.Path;
import java.util.function.Function;

/**
 * Where the weights of a benchmark come from.
 *
 * @param config the shape
 * @param make reads or makes them, in a new scope of a manager; the caller closes them
 */
public record BenchWeights(Gpt2Config config, Function<NDManager, Gpt2Weights> make) {
  private static final long SEED = 1;

  /** Random weights of a shape. */
  public static BenchWeights random(Gpt2Config config) {
    return new BenchWeights(config, scope -> random(config, scope));
  }

  /**
   * Those of a checkpoint.
   *
   * @param directory in Hugging Face layout
   */
  public static BenchWeights of(Path directory) {
    return new BenchWeights(
        Gpt2Checkpoint.config(directory), scope -> Gpt2Checkpoint.weights(directory, scope));
  }

  /**
   * As {@link Gpt2Weights#random}, but by libtorch's generator, which is faster; nobody compares
   * the model's replies.
   */
  private static Gpt2Weights random(Gpt2Config config, NDManager scope) {
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
}
