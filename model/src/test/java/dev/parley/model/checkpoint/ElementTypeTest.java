package dev.parley.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.gpt2.Golden;
import dev.parley.model.torch.TorchProgram;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ElementTypeTest {
  private static final String PROGRAM =
      """
      class Program(Module):
        __parameters__ = []
        __buffers__ = []
        training : bool
        def narrow_and_widen(self: __torch__.Program, x: Tensor, dtype: int) -> Tensor:
          return x.to(dtype).to(6)
      """;

  /** By the types' definition; and libtorch finds that each is a number of that type. */
  @ParameterizedTest
  @CsvSource({"F16, 5, 5, 10", "BF16, 15, 8, 7"})
  void decode_every16BitPattern_exact(
      ElementType type, long scalarType, int exponentBits, int fractionBits) {
    ByteBuffer bytes = ByteBuffer.allocate(2 << 16).order(ByteOrder.LITTLE_ENDIAN);
    for (int bits = 0; bits < 1 << 16; bits++) {
      bytes.putShort(2 * bits, (short) bits);
    }
    FloatBuffer decoded = FloatBuffer.allocate(1 << 16);

    type.decode(bytes, decoded);

    assertThat(decoded.hasRemaining()).isFalse();
    float[] narrowed;
    try (NDManager scope = Golden.scope();
        TorchProgram program = TorchProgram.load(scope, PROGRAM, Map.of());
        IValue numbers = TorchProgram.argument(scope.create(decoded.array()));
        IValue dtype = IValue.from(scalarType)) {
      narrowed = program.tensor(scope, "narrow_and_widen", numbers, dtype).toFloatArray();
    }
    for (int bits = 0; bits < 1 << 16; bits++) {
      float expected = (float) value(bits, exponentBits, fractionBits);
      if (Float.isNaN(expected)) {
        assertThat(decoded.get(bits)).isNaN();
        assertThat(narrowed[bits]).isNaN();
      } else { // by bits: -0 is not 0
        int raw = Float.floatToRawIntBits(expected);
        assertThat(Float.floatToRawIntBits(decoded.get(bits))).as("0x%04x", bits).isEqualTo(raw);
        assertThat(Float.floatToRawIntBits(narrowed[bits])).as("0x%04x", bits).isEqualTo(raw);
      }
    }
  }

  /** IEEE 754, section 3.4, in doubles. */
  private static double value(int bits, int exponentBits, int fractionBits) {
    double sign = bits >> 15 == 0 ? 1 : -1;
    int most = (1 << exponentBits) - 1;
    int exponent = bits >> fractionBits & most;
    double fraction = (bits & (1 << fractionBits) - 1) / (double) (1 << fractionBits);
    if (exponent == most) {
      return fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
    }
    double significand = exponent == 0 ? fraction : 1 + fraction;
    return sign * significand * Math.pow(2, Math.max(1, exponent) - most / 2);
  }
}
