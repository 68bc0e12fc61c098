package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Training computes what PyTorch's autograd and AdamW compute on the same model and batches. */
class GoldenTrainingTest {
  private static final TrainableGpt2.AdamW STANDING =
      new TrainableGpt2.AdamW(0, 0.9, 0.999, 1e-8, 0, 0);

  @Test
  void loss_goldenBatch_lossOfTransformers() {
    JsonNode golden = Golden.json("loss.json");
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      TrainableGpt2.Batch batch = Golden.batch(golden, 0, 4, golden.get("pad").intValue());

      TrainableGpt2.Loss loss = model.loss(batch);

      int targets = golden.get("targets").intValue();
      assertThat(batch.labels()).hasSize(targets);
      assertThat(loss.nats() / targets)
          .isCloseTo(golden.get("loss").doubleValue(), Offset.offset(1e-5));
      assertThat(loss.hits()).isBetween(0L, (long) targets);
      // What stands on padding does not matter.
      TrainableGpt2.Batch padded = Golden.batch(golden, 0, 4, 0);
      assertThat(model.loss(padded).nats()).isCloseTo(loss.nats(), Offset.offset(1e-5));
    }
  }

  @Test
  void update_tenGoldenSteps_parametersOfTorchAdamW() {
    JsonNode golden = Golden.json("adamw/steps.json");
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        Gpt2Weights expected = Golden.weights("adamw", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      for (int i = 0; i < 10; i++) {
        JsonNode step = golden.get("steps").get(i);
        TrainableGpt2.Batch batch = Golden.batch(step, 0, 4, golden.get("pad").intValue());
        int targets = step.get("targets").intValue();
        double loss = model.addGradients(batch, 0, 0, DataType.FLOAT32) / targets;
        double norm = model.update(i + 1, targets, adamW(golden, step));

        assertThat(loss).isCloseTo(step.get("loss").doubleValue(), Offset.offset(1e-5));
        assertThat(norm).isCloseTo(step.get("grad_norm").doubleValue(), Offset.offset(1e-4));
      }
      assertSameParameters(weights, expected);
    }
  }

  /**
   * Attention's softmax does not change when a constant is added to all scores of a query, and the
   * key's bias adds just that: its gradient is zero in theory, and rounding noise in practice. Adam
   * divides by the gradient's own size and so makes full steps of that noise, in Parley as in
   * PyTorch (where fp32 and fp64 differ as much; float64_difference in the golden file). So the key
   * third of c_attn.bias is only held to how far ten steps can go.
   */
  private static void assertSameParameters(Gpt2Weights actual, Gpt2Weights expected) {
    List<Gpt2Layout.Entry> layout = Gpt2Layout.of(actual.config());
    int size = actual.config().embeddingSize();
    for (int i = 0; i < layout.size(); i++) {
      float[] found = actual.arrays().get(i).toFloatArray();
      float[] wanted = expected.arrays().get(i).toFloatArray();
      String name = layout.get(i).name();
      if (name.endsWith("c_attn.bias")) {
        assertThat(Arrays.copyOfRange(found, size, 2 * size))
            .as("%s, key", name)
            .containsExactly(
                Arrays.copyOfRange(wanted, size, 2 * size), Offset.offset(2 * 10 * 1e-3f));
        System.arraycopy(wanted, size, found, size, size);
      }
      assertThat(found).as(name).containsExactly(wanted, Offset.offset(1e-5f));
    }
  }

  private static TrainableGpt2.AdamW adamW(JsonNode golden, JsonNode step) {
    return new TrainableGpt2.AdamW(
        step.get("lr").doubleValue(),
        golden.get("betas").get(0).doubleValue(),
        golden.get("betas").get(1).doubleValue(),
        golden.get("eps").doubleValue(),
        golden.get("weight_decay").doubleValue(),
        golden.get("clip").doubleValue());
  }

  @ParameterizedTest
  @ValueSource(ints = {32, 8, 1})
  void addGradients_stepInMicroBatches_lossAndGradientsOfTheWhole(int micro) {
    JsonNode golden = Golden.json("accumulation.json");
    int targets = golden.get("targets").intValue();
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      double nats = 0;
      for (int from = 0; from < 32; from += micro) {
        TrainableGpt2.Batch batch =
            Golden.batch(golden, from, from + micro, golden.get("pad").intValue());
        nats += model.addGradients(batch, 0, 0, DataType.FLOAT32);
      }
      double norm = model.update(1, targets, STANDING);

      assertThat(nats / targets).isCloseTo(golden.get("loss").doubleValue(), Offset.offset(1e-5));
      assertThat(norm).isCloseTo(golden.get("grad_norm").doubleValue(), Offset.offset(1e-4));
      // The first moment after one step is a tenth of the gradient.
      List<Gpt2Layout.Entry> layout = Gpt2Layout.of(weights.config());
      for (int i = 0; i < layout.size(); i++) {
        String name = "transformer." + layout.get(i).name();
        double gradient = norm(model.firstMoments().get(i).toFloatArray()) / (1 - 0.9);
        assertThat(gradient)
            .as(name)
            .isCloseTo(golden.get("grad_norms").get(name).doubleValue(), Offset.offset(1e-4));
      }
    }
  }

  @Test
  void addGradients_bfloat16_closeToFloat32() {
    JsonNode golden = Golden.json("accumulation.json");
    int targets = golden.get("targets").intValue();
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      TrainableGpt2.Batch batch = Golden.batch(golden, 0, 32, golden.get("pad").intValue());
      double loss = model.addGradients(batch, 0, 0, DataType.BFLOAT16) / targets;
      double norm = model.update(1, targets, STANDING);

      // bf16 has eight bits of fraction: 0.4 % a rounding.
      assertThat(loss).isCloseTo(golden.get("loss").doubleValue(), Offset.offset(0.02));
      assertThat(norm).isCloseTo(golden.get("grad_norm").doubleValue(), Offset.offset(0.05));
    }
  }

  @Test
  void addGradients_dropout_dependsOnTheSeedAlone() {
    JsonNode golden = Golden.json("loss.json");
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      TrainableGpt2.Batch batch = Golden.batch(golden, 0, 4, 256);
      double first = model.addGradients(batch, 0.1, 7, DataType.FLOAT32);
      double second = model.addGradients(batch, 0.1, 8, DataType.FLOAT32);
      double again = model.addGradients(batch, 0.1, 7, DataType.FLOAT32);

      assertThat(again).isEqualTo(first);
      assertThat(second).isNotEqualTo(first);
      assertThat(first).isNotEqualTo(model.loss(batch).nats());
    }
  }

  @Test
  void update_gradientNotFinite_changesNothingButForgetsTheGradient() {
    JsonNode golden = Golden.json("loss.json");
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      TrainableGpt2.Batch batch = Golden.batch(golden, 0, 4, 256);
      float[] scale = weights.arrays().get(2).toFloatArray(); // LayerNorm of the first layer
      weights.arrays().get(2).set(new float[scale.length].clone());
      weights.arrays().get(2).addi(Float.NaN);
      model.addGradients(batch, 0, 0, DataType.FLOAT32);
      weights.arrays().get(2).set(scale);
      List<float[]> before = copies(weights.arrays());
      TrainableGpt2.AdamW adamW = new TrainableGpt2.AdamW(1e-3, 0.9, 0.999, 1e-8, 0.01, 1);

      double norm = model.update(1, 64, adamW);

      assertThat(norm).isNaN();
      assertThat(copies(weights.arrays())).usingRecursiveComparison().isEqualTo(before);
      assertThat(copies(model.firstMoments())).allMatch(moments -> norm(moments) == 0);
      assertThat(copies(model.secondMoments())).allMatch(moments -> norm(moments) == 0);
      // The next step is as good as a first one.
      model.addGradients(batch, 0, 0, DataType.FLOAT32);
      assertThat(model.update(1, 64, adamW)).isFinite().isPositive();
      assertThat(copies(weights.arrays())).usingRecursiveComparison().isNotEqualTo(before);
    }
  }

  private static List<float[]> copies(NDList arrays) {
    return arrays.stream().map(array -> array.toFloatArray()).toList();
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }
}
