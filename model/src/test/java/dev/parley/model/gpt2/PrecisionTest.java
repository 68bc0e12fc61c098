package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.NativeKernels;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrecisionTest {
  @Test
  void of_auto_isOfTheDevice() {
    assertThat(Precision.of("auto", Device.gpu())).isEqualTo(Precision.FP16);
    Precision cpu = Precision.of("Auto", Device.cpu());
    assertThat(cpu).isIn(Precision.INT12, Precision.FP16, Precision.FP32);
    assertThat(cpu == Precision.INT12).isEqualTo(NativeKernels.available());
    cpu.requireKernels(Device.cpu());
  }

  @Test
  void of_unknown_namesThoseThatThereAre() {
    assertThatThrownBy(() -> Precision.of("int3", Device.cpu()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("int3")
        .hasMessageContaining("auto, reference, fp32, bf16, fp16, int12, int8 or int4");
  }

  @Test
  void on_aGpu_allButIntegers() {
    assertThat(Precision.on(Device.gpu()))
        .containsExactly(Precision.REFERENCE, Precision.FP32, Precision.BF16, Precision.FP16);
  }

  @Test
  void on_aCpu_int12AndInt4WhereParleysKernelsAre() {
    assertThat(Precision.on(Device.cpu()).containsAll(List.of(Precision.INT12, Precision.INT4)))
        .isEqualTo(NativeKernels.available());
  }

  @Test
  void requireKernels_int8OnAGpu_saysWhatToUse() {
    assertThatThrownBy(() -> Precision.INT8.requireKernels(Device.gpu()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("precision int8 has no kernels for this GPU: use fp16");
  }

  /** An odd head size, too: numbers are kept in pairs. */
  @ParameterizedTest
  @ValueSource(ints = {5, 64})
  void cacheBytesPerToken_int16_areThoseOfTheTables(int headSize) {
    assumeTrue(NativeKernels.available());
    Gpt2Config config = new Gpt2Config(300, 250, 2 * headSize, 3, 2, 1e-5, 0.2, 0, 0);
    try (NDManager scope = Torch.newScope(Device.cpu());
        TorchProgram program = Gpt2Program.load(scope, config, Precision.INT12);
        IValue blocks = IValue.from(1L);
        IValue size = IValue.from((long) headSize);
        IValue type = IValue.from(Torch.scalarType(DataType.INT16));
        IValue shapes = program.call("table_shapes", blocks, size, type)) {
      long numbers = 0;
      for (IValue shape : shapes.toIValueArray()) {
        numbers += Arrays.stream(shape.toLongArray()).reduce(1, Math::multiplyExact);
        shape.close();
      }
      assertThat(numbers * Short.BYTES * config.layerCount())
          .isEqualTo(
              KeyValueBlocks.TOKENS * Precision.INT12.cacheBytesPerToken(config, Device.cpu()));
    }
  }

  @Test
  void withNativeAttention_keysAndValuesInFp16_areRefused() {
    assertThatThrownBy(() -> Precision.withNativeAttention(Precision.INT8_FBGEMM))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("fp32 or int16");
  }
}
