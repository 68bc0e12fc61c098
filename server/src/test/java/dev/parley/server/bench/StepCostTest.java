package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StepCostTest {
  private static final Gpt2Config MEDIUM = Gpt2Config.shape("medium");

  @Test
  void of_345MOneRow_readsEveryWeightOnce() {
    StepCost fp32 = StepCost.of(MEDIUM, Precision.FP32, Device.cpu(), 1, 1, 0);
    StepCost int8 = StepCost.of(MEDIUM, Precision.INT8, Device.cpu(), 1, 1, 0);

    // All parameters but positions, LayerNorm and biases.
    double weights = 24 * 12 * 1024.0 * 1024 + 50_257 * 1024.0;
    assertThat(fp32.bytes()).isEqualTo(4 * weights);
    assertThat(int8.bytes()).isEqualTo(weights);
    assertThat(fp32.operations()).isEqualTo(2 * weights);
  }

  @Test
  void of_32Rows_readsTheirKeysAndValuesToo() {
    StepCost cost = StepCost.of(MEDIUM, Precision.FP32, Device.cpu(), 32, 1, 128);

    // 2 * 24 layers * 1024 * 4 bytes a token: 805 MB for 32 * 128 of them
    assertThat(cost.attention().bytes()).isEqualTo(805_306_368.0);
    assertThat(StepCost.of(MEDIUM, Precision.BF16, Device.cpu(), 32, 1, 128).attention().bytes())
        .isEqualTo(402_653_184.0);
    assertThat(cost.head().operations()).isEqualTo(32 * 2 * 50_257 * 1024.0);
  }

  @Test
  void of_fp16OnAGpu_attendsToFp16InFp16() {
    StepCost cpu = StepCost.of(MEDIUM, Precision.FP16, Device.cpu(), 32, 1, 128);
    StepCost gpu = StepCost.of(MEDIUM, Precision.FP16, Device.gpu(), 32, 1, 128);

    assertThat(cpu.attentionType()).isEqualTo("fp32");
    assertThat(gpu.attentionType()).isEqualTo("fp16");
    assertThat(gpu.attention().bytes()).isEqualTo(cpu.attention().bytes() / 2);
  }

  @Test
  void of_int12_oneAndAHalfBytesAWeightAndArithmeticInInt16() {
    assumeThat(Precision.on(Device.cpu())).contains(Precision.INT12);
    StepCost cost = StepCost.of(MEDIUM, Precision.INT12, Device.cpu(), 1, 1, 0);

    assertThat(cost.projections().bytes()).isEqualTo(1.5 * 12 * 24 * 1024 * 1024);
    assertThat(cost.type()).isEqualTo("int16");
    assertThat(cost.attentionType()).isEqualTo("int16");
  }

  @Test
  void of_int4_17BitsForFourWeightsAndArithmeticInInt8() {
    assumeThat(Precision.on(Device.cpu())).contains(Precision.INT4);
    StepCost cost = StepCost.of(MEDIUM, Precision.INT4, Device.cpu(), 1, 1, 0);

    assertThat(cost.projections().bytes()).isEqualTo(17.0 / 32 * 12 * 24 * 1024 * 1024);
    assertThat(cost.type()).isEqualTo("int8");
  }

  @Test
  void of_aPrompt_tokensLookBackOnHalfOfItOnAverage() {
    StepCost cost = StepCost.of(MEDIUM, Precision.FP32, Device.cpu(), 1, 512, 512);

    assertThat(cost.attention().operations()).isEqualTo(4.0 * 24 * 1024 * (512 * 513 / 2.0));
    assertThat(cost.head().operations())
        .as("the last token's logits only")
        .isEqualTo(2 * 50_257 * 1024.0);
  }

  @Test
  void bound_memoryOrArithmetic_whicheverTakesLonger() {
    StepCost cost = StepCost.of(MEDIUM, Precision.INT8, Device.cpu(), 1, 1, 0);
    Machine slowMemory = machine(1e9, 1e15);
    Machine slowArithmetic = machine(1e15, 1e9);

    assertThat(cost.bound(slowMemory)).isCloseTo(cost.bytes() / 1e6, within(1e-6));
    assertThat(cost.bound(slowArithmetic)).isCloseTo(cost.operations() / 1e6, within(1e-6));
    assertThat(cost.bound(new Machine(1e9, Map.of(), Map.of("fp32", 1e9))))
        .as("no int8 on this device: no bound")
        .isZero();
  }

  private static Machine machine(double bytes, double operations) {
    return new Machine(
        bytes,
        Map.of(),
        Map.of("fp32", operations, "fp16", operations, "int16", operations, "int8", operations));
  }
}
