package dev.parley.server.bench;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.parley.model.torch.NativeKernels;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MachineProbeTest {
  @Test
  void measure_smallProbe_everyRateOfTheCpu() {
    Machine machine = MachineProbe.measure(Device.cpu(), 4);

    assertThat(machine.readers()).containsOnlyKeys("sum fp32", "fp32", "fp16", "bf16", "int8");
    Set<String> types = new HashSet<>(Set.of("fp32", "fp16", "bf16", "int8"));
    if (NativeKernels.available()) {
      types.add("int16");
    }
    assertThat(machine.operationsPerSecond().keySet()).isEqualTo(types);
    assertThat(machine.bytesPerSecond()).isIn(machine.readers().values());
    assertThat(machine.readers().values())
        .allSatisfy(
            rate -> assertThat(rate).isPositive().isLessThanOrEqualTo(machine.bytesPerSecond()));
    assertThat(machine.operations("fp32")).isGreaterThan(1e8);
    assertThat(machine.operations("fp64")).as("not measured").isZero();
  }
}
