package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The adapters of a model in training. The model's own weights are what serves and is saved: base
 * and adapters merged, made anew from the base each time, so that nothing adds up. Not thread-safe.
 */
final class Adapters {
  private final Lora lora;

  /** A and B of each target, layer by layer. */
  private final NDList tensors = new NDList();

  private final List<String> names = new ArrayList<>();

  /** The frozen projections, and the merged ones in the model's weights. */
  private final NDList base = new NDList();

  private final NDList merged = new NDList();

  /** All of the model's weights, with the frozen projections in place of the merged ones. */
  private final NDList frozen = new NDList();

  private boolean stale;

  /**
   * Fresh adapters.
   *
   * @param weights the base; its target projections are copied, and from then on hold the merged
   * @param seed of the A matrices
   */
  Adapters(Gpt2Weights weights, Lora lora, long seed, NDManager scope) {
    this.lora = lora;
    SplittableRandom random = new SplittableRandom(seed);
    frozen.addAll(weights.arrays());
    Gpt2Config config = weights.config();
    for (int layer = 0; layer < config.layerCount(); layer++) {
      for (Lora.Projection target : lora.targets()) {
        int at = 2 + 12 * layer + target.offset;
        NDArray projection = weights.arrays().get(at);
        NDArray copy = projection.duplicate();
        copy.attach(scope);
        base.add(copy);
        merged.add(projection);
        frozen.set(at, copy);
        String name = "h.%d.%s.".formatted(layer, target.key());
        names.add(name + "lora_A");
        names.add(name + "lora_B");
        tensors.add(uniform(target.in(config), lora.rank(), random, scope));
        tensors.add(scope.zeros(new Shape(lora.rank(), target.out(config))));
      }
    }
  }

  /** Between the bounds of torch's own linear layers, 1 / sqrt(in). */
  private static NDArray uniform(int in, int rank, SplittableRandom random, NDManager scope) {
    float[] values = new float[Math.multiplyExact(in, rank)];
    double bound = 1 / Math.sqrt(in);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble(-bound, bound);
    }
    return scope.create(values, new Shape(in, rank));
  }

  Lora lora() {
    return lora;
  }

  NDList tensors() {
    return tensors;
  }

  /** The tensors' names. */
  List<String> names() {
    return names;
  }

  /** The weights that the adapters stand beside. */
  NDList frozen() {
    return frozen;
  }

  /** The adapters have moved. */
  void moved() {
    stale = true;
  }

  /** Brings the model's weights up to date. */
  void merge(TorchProgram program) {
    if (!stale) {
      return;
    }
    try (IValue from = TorchProgram.list(base);
        IValue adapters = TorchProgram.list(tensors);
        IValue to = TorchProgram.list(merged);
        IValue scale = IValue.from(lora.scale())) {
      program.call("merge", from, adapters, to, scale).close();
    }
    stale = false;
  }
}
