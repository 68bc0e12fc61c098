package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.NativeKernels;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.util.Arrays;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Projections of any size, with as many rows as make any number of blocks, on several threads. */
class NativeLinearTest {
  private enum Type {
    INT8,
    FP16;

    Precision.Kernels kernels() {
      return this == INT8 ? Precision.INT8_NATIVE : Precision.FP16_NATIVE;
    }
  }

  private NDManager scope;

  @BeforeEach
  void open() {
    assumeTrue(NativeKernels.available());
    scope = Golden.scope();
    Torch.setThreads(3);
    Torch.seed(11);
  }

  @AfterEach
  void close() {
    if (scope != null) {
      Torch.setThreads(1);
      scope.close();
    }
  }

  /** Widths that fill panels and vectors, and that do not; one with several chunks of rows. */
  private static Stream<Arguments> shapes() {
    return Stream.of(Type.values())
        .flatMap(
            type ->
                Stream.of(
                    Arguments.of(type, 96, 64),
                    Arguments.of(type, 77, 50),
                    Arguments.of(type, 1, 3),
                    Arguments.of(type, 300, 17),
                    Arguments.of(type, 64, 4096)));
  }

  /** Every bit is that of the formula: whatever the number of rows, of threads and of columns. */
  @ParameterizedTest
  @MethodSource("shapes")
  void product_anyNumberOfRows_exactlyTheFormula(Type type, int out, int in) {
    try (Product product = new Product(type, out, in)) {
      for (int rows : new int[] {1, 2, 5, 12, 13, 24, 25, 37, 150}) {
        NDArray x = scope.randomNormal(new Shape(rows, in));
        float[] y = product.of(x, false).toFloatArray();
        float[] numbers = x.toFloatArray();
        for (int row = 0; row < rows; row++) {
          assertThat(Arrays.copyOfRange(y, row * out, (row + 1) * out))
              .as("row %d of %d", row, rows)
              .containsExactly(
                  product.formula(Arrays.copyOfRange(numbers, row * in, (row + 1) * in)));
        }
      }
    }
  }

  /** A row that is no number stays none, so that its turn fails, and no other row notices. */
  @ParameterizedTest
  @EnumSource(Type.class)
  void product_rowsOfNoNumbersAndOfZeros_leaveTheOthersAsTheyAre(Type type) {
    try (Product product = new Product(type, 70, 50)) {
      NDArray x = scope.randomNormal(new Shape(5, 50));
      NDArray whole = product.of(x, false);
      x.set(new NDIndex("1, 5"), Float.NaN);
      x.set(new NDIndex("2, 49"), Float.NEGATIVE_INFINITY);
      x.set(new NDIndex("3"), x.get(3).mul(0));
      NDArray y = product.of(x, false);

      for (int row : new int[] {0, 4}) {
        assertThat(y.get(row).toFloatArray()).containsExactly(whole.get(row).toFloatArray());
      }
      for (int row : new int[] {1, 2}) {
        for (float number : y.get(row).toFloatArray()) {
          assertThat(Float.isFinite(number)).isFalse();
        }
      }
      assertThat(y.get(3).toFloatArray()).containsExactly(product.bias.toFloatArray());
    }
  }

  /** Of x times 1 plus 0. */
  @Test
  void product_gelu_isHalfOfYTimesOnePlusTanh() {
    float[] numbers = {
      0, 1e-30f, -1e-30f, 1e-3f, -1e-3f, 0.5f, -0.5f, 1, -1, 3, -3, 5, -5, 10, -10, 100, -100, 1e4f,
      -1e4f, 1e20f, -1e20f
    };
    try (Product product = new Product(Type.FP16, 1, 1)) {
      product.set(scope.ones(new Shape(1, 1)), scope.zeros(new Shape(1)));
      NDArray x = scope.create(numbers, new Shape(numbers.length, 1));
      float[] y = product.of(x, true).toFloatArray();

      for (int i = 0; i < numbers.length; i++) {
        double u = Math.sqrt(2 / Math.PI) * (numbers[i] + 0.044715 * Math.pow(numbers[i], 3));
        double expected = numbers[i] / (1 + Math.exp(-2 * u));
        assertThat((double) y[i])
            .as("of %s", numbers[i])
            .isCloseTo(expected, Offset.offset(1e-7 + 1e-6 * Math.abs(expected)));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Type.class)
  void product_noRow_isEmpty(Type type) {
    try (Product product = new Product(type, 64, 32)) {
      assertThat(product.of(scope.zeros(new Shape(0, 32)), false).getShape())
          .isEqualTo(new Shape(0, 64));
    }
  }

  /** A projection with random weights. */
  private final class Product implements AutoCloseable {
    private final Type type;
    private final TorchProgram program;
    private final int out;
    private NDArray weight;
    private NDArray bias;
    private NDArray panels;

    Product(Type type, int out, int in) {
      this.type = type;
      this.out = out;
      this.program = Gpt2Program.load(scope, Gpt2Config.shape("tiny"), type.kernels());
      set(scope.randomNormal(new Shape(out, in)), scope.randomNormal(new Shape(out)));
    }

    void set(NDArray newWeight, NDArray newBias) {
      weight = newWeight;
      bias = newBias;
      try (IValue w = TorchProgram.argument(weight);
          IValue b = TorchProgram.argument(bias)) {
        panels = program.tensor(scope, "panels", w, b);
      }
    }

    NDArray of(NDArray x, boolean gelu) {
      try (IValue rows = TorchProgram.argument(x);
          IValue packed = TorchProgram.argument(panels);
          IValue columns = IValue.from((long) out);
          IValue then = IValue.from(gelu)) {
        return program.tensor(scope, "product", rows, packed, columns, then);
      }
    }

    /** What a row's numbers have to be, one operation after the other. */
    float[] formula(float[] x) {
      return type == Type.INT8 ? int8(x) : fp16(x);
    }

    private float[] int8(float[] x) {
      float largest = largest(x, 0, x.length);
      float factor = largest > 0 ? 127 / largest : 0;
      float[] w = weight.toFloatArray();
      float[] biases = bias.toFloatArray();
      float[] y = new float[out];
      for (int column = 0; column < out; column++) {
        float scale = largest(w, column * x.length, (column + 1) * x.length) / 127;
        long sum = 0;
        for (int i = 0; i < x.length; i++) {
          sum += (long) (Math.rint(x[i] * factor) * Math.rint(w[column * x.length + i] / scale));
        }
        y[column] = (float) sum * (largest / 127 * scale) + biases[column];
      }
      return y;
    }

    private float[] fp16(float[] x) {
      float[] w =
          weight.toType(DataType.FLOAT16, true).toType(DataType.FLOAT32, true).toFloatArray();
      float[] biases = bias.toFloatArray();
      float[] y = new float[out];
      for (int column = 0; column < out; column++) {
        for (int i = 0; i < x.length; i++) {
          y[column] = Math.fma(x[i], w[column * x.length + i], y[column]);
        }
        y[column] += biases[column];
      }
      return y;
    }

    private static float largest(float[] numbers, int from, int to) {
      float largest = 0;
      for (int i = from; i < to; i++) {
        largest = Math.max(largest, Math.abs(numbers[i]));
      }
      return largest;
    }

    @Override
    public void close() {
      program.close();
    }
  }
}
