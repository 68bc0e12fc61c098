package dev.parley.model.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.IValue;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TorchProgramTest {
  private static final String HEAD =
      """
      class Program(Module):
        __parameters__ = []
        __buffers__ = []
        training : bool
      """;

  @Test
  void call_attributesOfBothTypes_computed() {
    String source =
        HEAD
            + """
                count : int
                factor : float
                def scaled(self: __torch__.Program, x: Tensor) -> Tensor:
                  return x * self.factor + self.count
              """
                .indent(0);
    Map<String, Number> attributes = new LinkedHashMap<>();
    attributes.put("count", -3L);
    attributes.put("factor", 0.5);
    try (NDManager scope = Torch.newScope(Device.cpu());
        TorchProgram program = TorchProgram.load(scope, source, attributes);
        IValue x = TorchProgram.argument(scope.create(new float[] {2, 4}))) {
      NDArray result = program.tensor(scope, "scaled", x);

      assertThat(result.toFloatArray()).containsExactly(-2, -1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "return torch.no_such_operator(x), no_such_operator",
    "return x +, expected",
    "return y, undefined value y",
    "return 3, Tensor",
  })
  void load_wrongSource_failsWithTheLineMarked(String line, String message) {
    String source =
        HEAD + "  def wrong(self: __torch__.Program, x: Tensor) -> Tensor:\n    " + line + "\n";
    try (NDManager scope = Torch.newScope(Device.cpu())) {
      assertThatThrownBy(() -> TorchProgram.load(scope, source, Map.of()))
          .isInstanceOf(EngineException.class)
          .hasMessageContaining(message)
          .hasMessageContaining(line)
          .hasMessageContaining("File \"code/__torch__.py\", line");
      // A right one loads afterwards in the same scope.
      TorchProgram.load(scope, source.replace(line, "return x"), Map.of()).close();
    }
  }
}
