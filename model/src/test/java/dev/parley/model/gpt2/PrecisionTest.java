package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import dev.parley.model.torch.NativeKernels;
import org.junit.jupiter.api.Test;

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
    assertThatThrownBy(() -> Precision.of("int4", Device.cpu()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("int4")
        .hasMessageContaining("auto, reference, fp32, bf16, fp16, int12 or int8");
  }

  @Test
  void on_aGpu_allButIntegers() {
    assertThat(Precision.on(Device.gpu()))
        .containsExactly(Precision.REFERENCE, Precision.FP32, Precision.BF16, Precision.FP16);
  }

  @Test
  void on_aCpu_int12WhereParleysKernelsAre() {
    assertThat(Precision.on(Device.cpu()).contains(Precision.INT12))
        .isEqualTo(NativeKernels.available());
  }

  @Test
  void requireKernels_int8OnAGpu_saysWhatToUse() {
    assertThatThrownBy(() -> Precision.INT8.requireKernels(Device.gpu()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("precision int8 has no kernels for this GPU: use fp16");
  }
}
