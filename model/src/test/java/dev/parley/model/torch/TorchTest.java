package dev.parley.model.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.djl.Device;
import ai.djl.engine.Engine;
import org.junit.jupiter.api.Test;

class TorchTest {
  @Test
  void device_gpuWithoutCuda_saysWhichLibtorchAndTheRemedy() {
    assumeFalse(Engine.getEngine("PyTorch").hasCapability("CUDA"), "there is a GPU");

    assertThat(Torch.device("AUTO")).isEqualTo(Device.cpu());
    assertThatThrownBy(() -> Torch.device("cuda:0"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "device 'cuda:0' is not available: libtorch %s is one for CPUs, or finds no GPU"
                + " (PYTORCH_LIBRARY_PATH names another); use auto or cpu",
            Torch.version());
  }

  @Test
  void device_noSuchName_saysWhichThereAre() {
    assertThatThrownBy(() -> Torch.device("cuda:1000"))
        .hasMessage("device 'cuda:1000' is unknown: use auto, cpu or cuda:N");
  }

  @Test
  void lost_cpu_never() {
    assertThat(Torch.lost(Device.cpu())).isEmpty();
  }
}
