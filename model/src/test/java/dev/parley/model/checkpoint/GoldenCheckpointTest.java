package dev.parley.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Golden;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Every format that Hugging Face and PyTorch write gives the logits that transformers gives. */
class GoldenCheckpointTest {
  @ParameterizedTest
  @CsvSource({
    "fp32, fp32", // safetensors
    "fp16, fp16",
    "bf16, bf16",
    "sharded, fp32",
    "legacy, fp16", // DialoGPT's own layout: fp16, untied copy of the head, mask buffers
    "legacy32, fp32",
    "zip, fp32", // without the transformer. prefix
  })
  void weights_everyFormat_givesTheLogitsOfTransformers(String folder, String expected) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights(folder, scope);
        Gpt2Decoder decoder = Gpt2Decoder.load(weights, Precision.REFERENCE)) {
      int compared = 0;
      for (JsonNode golden : Golden.json("logits.json").get("cases")) {
        float[][] logits = decoder.logits(Golden.ids(golden.get("ids")));
        int first = golden.get("first_position").intValue();
        assertThat(golden.get(expected).size()).isEqualTo(logits.length - first);
        for (int i = first; i < logits.length; i++) {
          assertThat(logits[i])
              .containsExactly(
                  Golden.floats(golden.get(expected).get(i - first)), Offset.offset(1e-4f));
          compared++;
        }
      }
      assertThat(compared).isEqualTo(7);
    }
  }

  @ParameterizedTest
  @CsvSource({"fp32", "legacy"})
  void config_newAndOldKeys_sameShape(String folder) {
    assertThat(Gpt2Checkpoint.config(Golden.path(folder)))
        .isEqualTo(new Gpt2Config(257, 96, 24, 2, 3, 1e-5, 0.4, 0.0, 256));
  }
}
