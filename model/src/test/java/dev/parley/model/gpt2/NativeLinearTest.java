package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.NativeKernels;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
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
    INT4,
    INT8,
    INT8_WITHOUT_AMX,
    INT12,
    FP16,
    FP16_WITHOUT_AMX;

    boolean amx() {
      return this != INT8_WITHOUT_AMX && this != FP16_WITHOUT_AMX;
    }

    Precision precision() {
      return switch (this) {
        case INT4 -> Precision.INT4;
        case INT8, INT8_WITHOUT_AMX -> Precision.INT8;
        case INT12 -> Precision.INT12;
        case FP16, FP16_WITHOUT_AMX -> Precision.FP16;
      };
    }

    /** Most by which a product may differ whose inputs differ by their last digits. */
    float rounding() {
      return switch (this) {
        case INT4, INT8, INT8_WITHOUT_AMX -> 0.05f; // of what is on the edge of a step
        case INT12, FP16, FP16_WITHOUT_AMX -> 1e-3f;
      };
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
      allowAmx(true);
      Torch.setThreads(1);
      scope.close();
    }
  }

  /** Returns whether products use AMX from now on. */
  private boolean allowAmx(boolean allowed) {
    String source =
        """
        class Program(Module):
          __parameters__ = []
          __buffers__ = []
          training : bool

          def allow_amx(self: __torch__.Program, any: Tensor, allowed: bool) -> bool:
            return ops.parley.allow_amx(any, allowed)
        """;
    try (TorchProgram program = TorchProgram.load(scope, source, Map.of());
        IValue any = TorchProgram.argument(scope.zeros(new Shape(1)));
        IValue value = IValue.from(allowed);
        IValue used = program.call("allow_amx", any, value)) {
      return used.toBoolean();
    }
  }

  /**
   * Widths that fill panels, vectors and groups, and that do not; one with several chunks of rows.
   */
  private static Stream<Arguments> shapes() {
    return Stream.of(Type.values())
        .flatMap(
            type ->
                Stream.of(
                    Arguments.of(type, 96, 64),
                    Arguments.of(type, 77, 50),
                    Arguments.of(type, 1, 3),
                    Arguments.of(type, 300, 17),
                    Arguments.of(type, 40, 129),
                    Arguments.of(type, 33, 1600),
                    Arguments.of(type, 64, 4096)));
  }

  /** Every bit is that of the formula: whatever the number of rows, of threads and of columns. */
  @ParameterizedTest
  @MethodSource("shapes")
  void product_anyNumberOfRows_exactlyTheFormula(Type type, int out, int in) {
    try (Product product = new Product(type, out, in)) {
      for (int rows : new int[] {1, 2, 5, 12, 13, 16, 17, 24, 25, 32, 33, 37, 65, 150}) {
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

  /** Sums of halves in bf16 are not those in fp32; where there is no AMX there are no halves. */
  @Test
  void allowAmx_fp16_decidesHowItIsComputed() {
    NDArray weight = scope.randomNormal(new Shape(64, 256));
    NDArray x = scope.randomNormal(new Shape(20, 256));
    try (Product tiles = new Product(Type.FP16, weight, scope.zeros(new Shape(64)))) {
      float[] allowed = tiles.of(x, false).toFloatArray();
      assertThat(allowAmx(false)).isFalse();
      float[] forbidden = tiles.of(x, false).toFloatArray();

      assertThat(Arrays.equals(allowed, forbidden)).isEqualTo(!tiles.amx);
    }
  }

  /** Whatever the sign of a group's largest weight, and where all are zero. */
  @Test
  void product_int4GroupsOfZerosAndOfBothSigns_exactlyTheFormula() {
    NDArray weight = scope.randomNormal(new Shape(4, 128));
    weight.set(new NDIndex("0, :64"), 0);
    weight.set(new NDIndex("1"), weight.get(1).mul(0));
    weight.set(new NDIndex("2, 5"), 9);
    weight.set(new NDIndex("2, 70"), -9);
    try (Product product = new Product(Type.INT4, weight, scope.zeros(new Shape(4)))) {
      NDArray x = scope.randomNormal(new Shape(3, 128));
      float[] y = product.of(x, false).toFloatArray();

      for (int row = 0; row < 3; row++) {
        assertThat(Arrays.copyOfRange(y, 4 * row, 4 * row + 4))
            .containsExactly(product.formula(x.get(row).toFloatArray()));
        assertThat(y[4 * row + 1]).isZero();
      }
    }
  }

  /** A row that is no number stays none, so that its turn fails, and no other row notices. */
  @ParameterizedTest
  @EnumSource(Type.class)
  void product_rowsOfNoNumbersAndOfZeros_leaveTheOthersAsTheyAre(Type type) {
    leavesTheOthersAsTheyAre(type, 5, 50);
    leavesTheOthersAsTheyAre(type, 33, 64); // as AMX takes them, too
  }

  private void leavesTheOthersAsTheyAre(Type type, int rows, int in) {
    try (Product product = new Product(type, 70, in)) {
      NDArray x = scope.randomNormal(new Shape(rows, in));
      NDArray whole = product.of(x, false);
      x.set(new NDIndex("1, 5"), Float.NaN);
      x.set(new NDIndex("2, 49"), Float.NEGATIVE_INFINITY);
      x.set(new NDIndex("3"), x.get(3).mul(0));
      NDArray y = product.of(x, false);

      for (int row : new int[] {0, 4, rows - 1}) {
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

  /**
   * What is largest for its norm: rows that are columns, all of one number, or all but one zero.
   */
  @Test
  void product_int12RowsAlongTheColumns_sumsAreHeld() {
    NDArray weight = scope.randomNormal(new Shape(3, 256));
    weight.set(new NDIndex("1"), weight.get(1).mul(0).add(3e7));
    weight.set(new NDIndex("2"), weight.get(2).mul(0));
    weight.set(new NDIndex("2, 7"), -1e-6f);
    try (Product product = new Product(Type.INT12, weight, scope.zeros(new Shape(3)))) {
      float[] y = product.of(weight, false).toFloatArray();
      float[] exact = weight.matMul(weight.transpose()).toFloatArray();

      for (int row = 0; row < 3; row++) {
        assertThat(Arrays.copyOfRange(y, 3 * row, 3 * row + 3))
            .containsExactly(product.formula(weight.get(row).toFloatArray()));
        assertThat(y[4 * row]).isCloseTo(exact[4 * row], Percentage.withPercentage(0.15));
      }
    }
  }

  @Test
  void panels_int12_eachWeightIsTheNearestOf12Bits() {
    for (int in : new int[] {3, 50, 129, 1024}) {
      try (Product product = new Product(Type.INT12, 70, in)) {
        float[] weights = product.weight.toFloatArray();
        for (int column = 0; column < 70; column++) {
          for (int i = 0; i < in; i++) {
            float steps = weights[column * in + i] / product.scale(column, i, in);
            assertThat(product.word(column, i, in) - steps).isBetween(-8.01f, 8.01f);
          }
        }
      }
    }
  }

  /** Against products of the numbers as they are, errors are half of those of weights in bf16. */
  @Test
  void product_int12_isTwiceAsExactAsBf16Weights() {
    try (Product product = new Product(Type.INT12, 64, 1024)) {
      NDArray x = scope.randomNormal(new Shape(50, 1024));
      NDArray exact = x.matMul(product.weight.transpose()).add(product.bias);
      NDArray halves = bf16(product.weight);
      float ofHalves = error(x.matMul(halves.transpose()).add(product.bias), exact);
      float ofSteps = error(product.of(x, false), exact);

      assertThat(ofSteps).isPositive().isLessThan(0.55f * ofHalves);
    }
  }

  /** The rounding of activations and sums is a fiftieth of that of weights to fp16. */
  @ParameterizedTest
  @EnumSource(names = {"FP16", "FP16_WITHOUT_AMX"})
  void product_fp16_isAsExactAsItsWeights(Type type) {
    NDArray weight = scope.randomNormal(new Shape(64, 1024));
    NDArray x = scope.randomNormal(new Shape(50, 1024));
    NDArray rounded = inFp64(x, weight.toType(DataType.FLOAT16, true));
    float ofWeights = error(rounded, inFp64(x, weight));
    try (Product product = new Product(type, weight, scope.zeros(new Shape(64)))) {

      assertThat(error(product.of(x, false).toType(DataType.FLOAT64, true), rounded))
          .isPositive()
          .isLessThan(0.02f * ofWeights);
    }
  }

  private static NDArray inFp64(NDArray x, NDArray weight) {
    return x.toType(DataType.FLOAT64, true)
        .matMul(weight.toType(DataType.FLOAT64, true).transpose());
  }

  private NDArray bf16(NDArray numbers) {
    float[] nearest = numbers.toFloatArray();
    for (int i = 0; i < nearest.length; i++) {
      nearest[i] = nearestBf16(nearest[i]);
    }
    return scope.create(nearest, numbers.getShape());
  }

  /** Of bf16, whose bits are the upper half of those of fp32. */
  private static float nearestBf16(float number) {
    int bits = Float.floatToRawIntBits(number);
    return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
  }

  /** The root of the mean square of the differences. */
  private static float error(NDArray y, NDArray exact) {
    return (float)
        Math.sqrt(y.sub(exact).square().mean().toType(DataType.FLOAT32, true).getFloat());
  }

  /**
   * As libtorch's LayerNorm before the product and its addition after it, and whoever is beside it.
   */
  @ParameterizedTest
  @EnumSource(Type.class)
  void product_afterLayerNormAndAdded_isThatOfTheParts(Type type) {
    for (int in : new int[] {3, 50, 1024}) {
      try (Product product = new Product(type, 70, in)) {
        NDArray x = scope.randomNormal(new Shape(29, in)).mul(5).add(2);
        x.set(new NDIndex("3"), x.get(3).mul(1e-3f)); // its variance is near epsilon
        x.set(new NDIndex("4"), x.get(4).mul(0).add(7)); // none at all
        NDArray gain = scope.randomUniform(0.5f, 1.5f, new Shape(in));
        NDArray shift = scope.randomNormal(new Shape(in));
        NDArray before = scope.randomNormal(new Shape(29, 70));
        NDArray normed = LayerNorm.layerNorm(x, new Shape(in), gain, shift, 1e-5f).get(0);
        NDArray y = before.duplicate();
        product.put(x, List.of(gain, shift), false, true, y);
        assertThat(y.toFloatArray())
            .containsExactly(
                product.of(normed, false).add(before).toFloatArray(),
                Offset.offset(type.rounding() * (float) Math.sqrt(in)));
        NDArray alone = before.get("7:8").duplicate();
        product.put(x.get("7:8"), List.of(gain, shift), false, true, alone);
        assertThat(alone.toFloatArray()).containsExactly(y.get(7).toFloatArray());
      }
    }
  }

  /** Of x times 1 plus 0. */
  @Test
  void product_gelu_isHalfOfYTimesOnePlusTanh() {
    float[] numbers = {
      0, 1e-30f, -1e-30f, 1e-3f, -1e-3f, 0.5f, -0.5f, 1, -1, 3, -3, 5, -5, 10, -10, 100, -100, 1e4f,
      -1e4f, 1e20f, -1e20f
    };
    NDArray one = scope.ones(new Shape(1, 1));
    try (Product product = new Product(Type.FP16, one, scope.zeros(new Shape(1)))) {
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

  /** The kernel itself checks no shapes. */
  @Test
  void projection_otherWidthOrPrecision_isRefused() {
    NDArray weight = scope.ones(new Shape(5, 32));
    NDArray bias = scope.zeros(new Shape(5));
    try (NativeProjection projection = new NativeProjection(scope, Precision.INT8, weight, bias)) {
      assertThatThrownBy(() -> projection.of(scope, scope.ones(new Shape(2, 64))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("x is float32 (2, 64): the kernel takes float32 [rows, 32]");
    }
    assertThatThrownBy(() -> new NativeProjection(scope, Precision.FP32, weight, bias))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("precision fp32 does not use Parley's kernels here");
  }

  /** A projection with random weights. */
  private final class Product implements AutoCloseable {
    private final Type type;
    private final boolean amx;
    private final int out;
    private final NDArray weight;
    private final NDArray bias;
    private final NativeProjection projection;
    private final ByteBuffer packed;

    Product(Type type, int out, int in) {
      this(type, scope.randomNormal(new Shape(out, in)), scope.randomNormal(new Shape(out)));
    }

    Product(Type type, NDArray weight, NDArray bias) {
      this.type = type;
      this.amx = allowAmx(type.amx());
      assertThat(amx && !type.amx()).as("AMX is used although it is forbidden").isFalse();
      this.out = (int) weight.getShape().get(0);
      this.weight = weight;
      this.bias = bias;
      this.projection = new NativeProjection(scope, type.precision(), weight, bias);
      this.packed = projection.panels().toByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    NDArray of(NDArray x, boolean gelu) {
      NDArray y = scope.zeros(new Shape(x.getShape().get(0), out));
      put(x, List.of(), gelu, false, y);
      return y;
    }

    void put(NDArray x, List<NDArray> norm, boolean gelu, boolean add, NDArray y) {
      projection.put(x, norm, gelu, add, y);
    }

    /** What a row's numbers have to be, one operation after the other. */
    float[] formula(float[] x) {
      return switch (type) {
        case INT8, INT8_WITHOUT_AMX -> int8(x);
        case INT12 -> int12(x);
        case INT4 -> int4(x);
        case FP16, FP16_WITHOUT_AMX -> amx && x.length % 32 == 0 ? halves(x) : fp16(x);
      };
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

    /** A group's largest weight has 8 steps; the length of a step is kept in bf16. */
    private float[] int4(float[] x) {
      float[] w = weight.toFloatArray();
      float[] y = new float[out];
      int length = groupLength(x.length, 64);
      for (int begin = 0; begin < x.length; begin += length) {
        int end = Math.min(begin + length, x.length);
        float largest = largest(x, begin, end);
        float factor = largest > 0 ? 127 / largest : 0;
        for (int column = 0; column < out; column++) {
          int row = column * x.length;
          float most = 0;
          for (int i = begin; i < end; i++) {
            most = Math.abs(w[row + i]) > Math.abs(most) ? w[row + i] : most;
          }
          float scale = nearestBf16(Math.abs(most / -8) < 1e-12f ? 1e-12f : most / -8);
          int sum = 0;
          for (int i = begin; i < end; i++) {
            double steps = Math.max(-8, Math.min(7, Math.rint(w[row + i] / scale)));
            sum += (int) (Math.rint(x[i] * factor) * steps);
          }
          y[column] = Math.fma((float) sum, largest / 127 * scale, y[column]);
        }
      }
      return plusBias(y);
    }

    private float[] plusBias(float[] y) {
      float[] biases = bias.toFloatArray();
      for (int column = 0; column < out; column++) {
        y[column] += biases[column];
      }
      return y;
    }

    private float[] int12(float[] x) {
      float[] y = new float[out];
      int length = groupLength(x.length, 128);
      for (int begin = 0; begin < x.length; begin += length) {
        int end = Math.min(begin + length, x.length);
        float norm = (float) Math.sqrt(squares(x, begin, end));
        float factor = norm > 1e-15f ? 32766 / norm : 0;
        for (int column = 0; column < out; column++) {
          int sum = 0;
          for (int i = begin; i < end; i++) {
            sum = Math.addExact(sum, (int) Math.rint(x[i] * factor) * word(column, i, x.length));
          }
          y[column] =
              Math.fma((float) sum, norm / 32766 * scale(column, begin, x.length), y[column]);
        }
      }
      return plusBias(y);
    }

    private static int groupLength(int in, int most) {
      int groups = (in + most - 1) / most;
      return ((in + groups - 1) / groups + 3) / 4 * 4;
    }

    /** Where the group of a column's weight begins in its panel. */
    private static int group(int column, int i, int in) {
      int groupBytes = 48 * groupLength(in, 128) + 128;
      int panel = column / 32 * ((in + 127) / 128 * groupBytes + 128);
      return panel + i / groupLength(in, 128) * groupBytes;
    }

    /** A weight of 12 bits, as it is multiplied: a word of 16. */
    private int word(int column, int i, int in) {
      int at = i % groupLength(in, 128);
      int vector = at % 4 / 2 * 2 + column % 32 / 16;
      int four = group(column, i, in) + at / 4 * 192 + 4 * (column % 16) + 2 * (at % 2);
      int[] words = new int[3];
      for (int v = 0; v < 3; v++) {
        words[v] = packed.getShort(four + 64 * v);
      }
      return vector < 3
          ? words[vector]
          : (short) ((words[0] & 15) << 12 | (words[1] & 15) << 8 | (words[2] & 15) << 4);
    }

    /** Of the group of a column's weight, as it stands behind the group's words. */
    private float scale(int column, int i, int in) {
      return packed.getFloat(group(column, i, in) + 48 * groupLength(in, 128) + 4 * (column % 32));
    }

    /** In the order in which the lanes of a vector are added. */
    private static float squares(float[] x, int begin, int end) {
      float[] lanes = new float[16];
      for (int i = begin; i < end; i++) {
        int lane = (i - begin) % 16;
        lanes[lane] = Math.fma(x[i], x[i], lanes[lane]);
      }
      for (int width = 8; width > 0; width /= 2) {
        for (int lane = 0; lane < width; lane++) {
          lanes[lane] += lanes[lane + width];
        }
      }
      return lanes[0];
    }

    private float[] fp16(float[] x) {
      float[] w = inFp16();
      float[] y = new float[out];
      for (int column = 0; column < out; column++) {
        for (int i = 0; i < x.length; i++) {
          y[column] = Math.fma(x[i], w[column * x.length + i], y[column]);
        }
      }
      return plusBias(y);
    }

    private float[] inFp16() {
      return weight.toType(DataType.FLOAT16, true).toType(DataType.FLOAT32, true).toFloatArray();
    }

    /** As tiles do: 32 products of halves in bf16 at a time, those of odd inputs apart. */
    private float[] halves(float[] x) {
      float[] w = inFp16();
      float[] high = new float[x.length];
      float[] low = new float[x.length];
      for (int i = 0; i < x.length; i++) {
        high[i] = nearestBf16(x[i]);
        low[i] = nearestBf16(x[i] - high[i]);
      }
      float[] y = new float[out];
      for (int column = 0; column < out; column++) {
        float[] upper = new float[x.length];
        float[] rest = new float[x.length];
        for (int i = 0; i < x.length; i++) {
          float number = w[column * x.length + i];
          upper[i] = Float.intBitsToFloat(Float.floatToRawIntBits(number) & 0xffff0000);
          rest[i] = number - upper[i];
        }
        for (int i = 0; i < x.length; i += 32) {
          y[column] += tile(high, upper, i);
          y[column] += tile(high, rest, i);
          y[column] += tile(low, rest, i);
          y[column] += tile(low, upper, i);
        }
      }
      return plusBias(y);
    }

    private static float tile(float[] x, float[] w, int begin) {
      float even = 0;
      float odd = 0;
      for (int i = begin; i < begin + 32; i += 2) {
        even = Math.fma(x[i], w[i], even);
        odd = Math.fma(x[i + 1], w[i + 1], odd);
      }
      return even + odd;
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
      projection.close();
    }
  }
}
