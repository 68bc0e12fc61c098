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
  private final long out;
  private final NDArray panels;

  /**
   * Packs the weights; not before {@code NativeKernels.available()}.
   *
   * @param parent owns the native memory, on a CPU
   * @param precision that Parley's kernels are for
   * @param weight fp32 [out, in]
   * @param bias fp32 [out]
   */
  public NativeProjection(NDManager parent, Precision precision, NDArray weight, NDArray bias) {
    this.scope = parent.newSubManager();
    Precision.Kernels kernels = precision.kernels(Device.cpu());
    this.program = Gpt2Program.load(scope, Gpt2Config.shape("tiny"), kernels);
    this.out = weight.getShape().get(0);
    try (IValue weights = TorchProgram.argument(weight);
        IValue biases = TorchProgram.argument(bias)) {
      this.panels = program.tensor(scope, "panels", weights, biases);
    }
  }

  /**
   * The projection of some rows.
   *
   * @param x fp32 [rows, in]
   * @return fp32 [rows, out], owned by {@code owner}
   */
  public NDArray of(NDManager owner, NDArray x) {
    NDArray y = owner.create(new Shape(x.getShape().get(0), out), DataType.FLOAT32);
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
    try (NDManager memory = scope.newSubManager()) {
      NDArray none = memory.create(new Shape(0));
      try (IValue weights = TorchProgram.argument(panels);
          IValue rows = TorchProgram.argument(x);
          IValue gain = TorchProgram.argument(norm.isEmpty() ? none : norm.get(0));
          IValue shift = TorchProgram.argument(norm.isEmpty() ? none : norm.get(1));
          IValue then = IValue.from(gelu);
          IValue added = IValue.from(add);
          IValue result = TorchProgram.argument(y)) {
        program.call("linear", weights, rows, gain, shift, then, added, result).close();
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
