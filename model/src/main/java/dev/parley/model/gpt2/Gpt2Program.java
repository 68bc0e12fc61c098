package dev.parley.model.gpt2;

import ai.djl.ndarray.NDManager;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The GPT-2 program of one precision's kernels, from the sources beside this class. */
final class Gpt2Program {
  private static final String PACKED =
      "List[__torch__.torch.classes.quantized.LinearPackedParamsBase]";

  private Gpt2Program() {}

  static TorchProgram load(NDManager parent, Gpt2Config config, Precision precision) {
    return load(parent, config, precision.kernels(parent.getDevice()));
  }

  /** The program of some kernels. */
  static TorchProgram load(NDManager parent, Gpt2Config config, Precision.Kernels kernels) {
    String sources =
        Stream.of(kernels.linear(), kernels.attention())
            .flatMap(List::stream)
            .map(name -> TorchProgram.source(Gpt2Program.class, name))
            .collect(Collectors.joining("\n"));
    String source =
        TorchProgram.source(Gpt2Program.class, "program.py")
            .replace("#kernels#", sources)
            .replace("#weights#", kernels.fbgemm() ? PACKED : "List[Tensor]");
    Map<String, Number> attributes = new LinkedHashMap<>();
    attributes.put("layer_count", (long) config.layerCount());
    attributes.put("head_count", (long) config.headCount());
    attributes.put("prompt_type", Torch.scalarType(kernels.prompts()));
    attributes.put("layer_norm_epsilon", config.layerNormEpsilon());
    return TorchProgram.load(parent, source, attributes);
  }
}
