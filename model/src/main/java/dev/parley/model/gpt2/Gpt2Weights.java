package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * The parameters of a GPT-2 in native memory, fp32, in the order of {@link Gpt2Layout}. Whoever
 * creates it closes it.
 */
public final class Gpt2Weights implements AutoCloseable {
  private final Gpt2Config config;
  private final NDManager manager;
  private final NDList arrays;

  /**
   * Takes over parameters.
   *
   * @param manager owns {@code arrays}; closed with this object
   * @param arrays in the order and shapes of {@link Gpt2Layout}
   */
  public Gpt2Weights(Gpt2Config config, NDManager manager, NDList arrays) {
    List<Gpt2Layout.Entry> layout = Gpt2Layout.of(config);
    if (layout.size() != arrays.size()) {
      throw new IllegalArgumentException(
          "%d parameters given, but the layout has %d".formatted(arrays.size(), layout.size()));
    }
    for (int i = 0; i < arrays.size(); i++) {
      if (!arrays.get(i).getShape().equals(shape(layout.get(i)))) {
        throw new IllegalArgumentException(
            "%s has shape %s, but must have %s"
                .formatted(layout.get(i).name(), arrays.get(i).getShape(), shape(layout.get(i))));
      }
    }
    this.config = config;
    this.manager = manager;
    this.arrays = arrays;
  }

  /**
   * Seeded initial weights as GPT-2 has them: normal with the configuration's standard deviation,
   * that of projections into the residual stream divided by the square root of twice the layers;
   * biases 0, LayerNorm weights 1. Source: {@code GPT2PreTrainedModel._init_weights} in Hugging
   * Face transformers. The same seed gives the same bits on every machine.
   *
   * @param parent names the device
   */
  public static Gpt2Weights random(Gpt2Config config, long seed, NDManager parent) {
    NDManager manager = parent.newSubManager();
    NDList arrays = new NDList();
    SplittableRandom seeds = new SplittableRandom(seed);
    for (Gpt2Layout.Entry entry : Gpt2Layout.of(config)) {
      RandomGenerator random = seeds.split();
      int count = Math.toIntExact(entry.elementCount());
      ByteBuffer bytes = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
      fill(bytes.asFloatBuffer(), entry.name(), config, random);
      try (NDArray array = manager.create(bytes, shape(entry), DataType.FLOAT32)) {
        arrays.add(array.duplicate()); // memory of libtorch's own, not a view of the buffer
      }
    }
    return new Gpt2Weights(config, manager, arrays);
  }

  private static void fill(
      FloatBuffer values, String name, Gpt2Config config, RandomGenerator random) {
    boolean bias = name.endsWith(".bias");
    boolean layerNorm = name.contains("ln_");
    double deviation = config.initializerRange();
    if (name.endsWith("c_proj.weight")) {
      deviation /= Math.sqrt(2.0 * config.layerCount());
    }
    while (values.hasRemaining()) {
      values.put(bias ? 0f : layerNorm ? 1f : (float) (deviation * random.nextGaussian()));
    }
  }

  /** The shape. */
  public Gpt2Config config() {
    return config;
  }

  /** The parameters, owned by this object. */
  public NDList arrays() {
    return arrays;
  }

  /** The scope that owns the parameters. */
  public NDManager manager() {
    return manager;
  }

  /** Bytes of native memory. */
  public long sizeBytes() {
    return config.parameterCount() * Float.BYTES;
  }

  @Override
  public void close() {
    manager.close();
  }

  private static Shape shape(Gpt2Layout.Entry entry) {
    return new Shape(entry.shape().stream().mapToLong(Integer::longValue).toArray());
  }
}
