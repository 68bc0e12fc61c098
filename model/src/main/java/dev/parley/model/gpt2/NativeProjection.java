package dev.parley.model.gpt2;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.TorchProgram;
import java.util.List;

/** A projection by Parley's own kernels that belongs to no model, to be measured and tested. */
public final class NativeProjection implements AutoCloseable {
  private final NDManager scope;
  private final TorchProgram program;
  private final Shape weights;
  private final NDArray panels;

  /**
   * Packs the weights.
   *
   * @param parent owns the native memory, on a CPU
   * @param weight fp32 [out, in]
   * @param bias fp32 [out]
   * @throws IllegalArgumentException if Parley's kernels are not for this precision or cannot be
   *     loaded here
   */
  public NativeProjection(NDManager parent, Precision precision, NDArray weight, NDArray bias) {
    this.weights = weight.getShape();
    this.scope = parent.newSubManager();
    try {
      Gpt2Config any = Gpt2Config.shape("tiny"); // of which only LayerNorm's epsilon is used
      this.program = Gpt2Program.load(scope, any, kernels(precision));
      try (IValue numbers = TorchProgram.argument(weight);
          IValue biases = TorchProgram.argument(bias)) {
        this.panels = program.tensor(scope, "panels", numbers, biases);
      }
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  private static Precision.Kernels kernels(Precision precision) {
    Precision.Kernels kernels = precision.kernels(Device.cpu());
    if (!kernels.linear().contains("linear_native.py")) {
      throw new IllegalArgumentException(
          "precision %s does not use Parley's kernels here".formatted(precision));
    }
    return kernels;
  }

  /**
   * The projection of some rows.
   *
   * @param x fp32 [rows, in]
   * @return fp32 [rows, out], owned by {@code owner}
   * @throws IllegalArgumentException if x has another type or width
   */
  public NDArray of(NDManager owner, NDArray x) {
    NDArray y = owner.create(new Shape(x.getShape().get(0), weights.get(0)), DataType.FLOAT32);
    put(x, List.of(), false, false, y);
    return y;
  }

  /**
   * The projection of some rows, with what a layer does around it.
   *
   * @param x fp32 [rows, in]
   * @param norm gain and shift, [in], of LayerNorm before it; none without
   * @param gelu whether GELU follows
   * @param add whether the result is added to {@code y}
   * @param y fp32 [rows, out], where the result is put
   */
  void put(NDArray x, List<NDArray> norm, boolean gelu, boolean add, NDArray y) {
    Shape shape = x.getShape();
    if (x.getDataType() != DataType.FLOAT32
        || shape.dimension() != 2
        || shape.get(1) != weights.get(1)) {
      throw new IllegalArgumentException(
          "x is %s %s: the kernel takes float32 [rows, %d]"
              .formatted(x.getDataType(), shape, weights.get(1)));
    }
    try (NDManager memory = scope.newSubManager()) {
      NDArray none = memory.create(new Shape(0));
      try (IValue columns = TorchProgram.argument(panels);
          IValue rows = TorchProgram.argument(x);
          IValue gain = TorchProgram.argument(norm.isEmpty() ? none : norm.get(0));
          IValue shift = TorchProgram.argument(norm.isEmpty() ? none : norm.get(1));
          IValue then = IValue.from(gelu);
          IValue added = IValue.from(add);
          IValue result = TorchProgram.argument(y)) {
        program.call("linear", columns, rows, gain, shift, then, added, result).close();
      }
    }
  }

  /** The packed weights: int8 [panels, bytes]. */
  NDArray panels() {
    return panels;
  }

  @Override
  public void close() {
    program.close();
    scope.close();
  }
}
