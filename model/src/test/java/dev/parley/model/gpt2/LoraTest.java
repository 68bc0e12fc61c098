package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.gpt2.Lora.Projection;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Adapters on the golden checkpoint. */
final class LoraTest {
  private static final TrainableGpt2.AdamW ADAMW =
      new TrainableGpt2.AdamW(2e-3, 0.9, 0.999, 1e-8, 0.01, 1);
  private static final Lora ALL = new Lora(4, 8, 0, List.of(Projection.values()));

  private static TrainableGpt2.Batch batch(int from, int to) {
    JsonNode golden = Golden.json("accumulation.json");
    return Golden.batch(golden, from, to, golden.get("pad").intValue());
  }

  private static TrainableGpt2.Pass pass(double dropout, DataType arithmetic, boolean recompute) {
    return new TrainableGpt2.Pass(dropout, 7, arithmetic, recompute);
  }

  private static void train(TrainableGpt2 model, int first, int last, DataType arithmetic) {
    for (int step = first; step <= last; step++) {
      TrainableGpt2.Batch batch = batch(0, 8);
      model.addGradients(batch, pass(0, arithmetic, false));
      model.update(step, batch.labels().length, ADAMW);
    }
  }

  static Stream<Lora> adapters() {
    return Stream.of(
        ALL,
        new Lora(1, 4, 0, List.of(Projection.ATTENTION_IN)),
        new Lora(8, 8, 0, List.of(Projection.MLP_OUT, Projection.ATTENTION_OUT)));
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void weights_afterTraining_giveTheLogitsOfAdaptersBesideTheBase(Lora lora) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = TrainableGpt2.withAdapters(weights, lora, 3)) {
      int[][] ids = batch(0, 8).ids();
      float[] before = merged(model, ids);
      double lossBefore = model.loss(batch(0, 8)).nats();
      assertThat(model.unmergedLogits(ids)).containsExactly(before); // B is zero

      train(model, 1, 10, DataType.FLOAT32);

      float[] after = merged(model, ids);
      // Logits go up to 6 here, where fp32 has steps of 5e-7; a product more rounds some times
      // more.
      double largest = difference(after, new float[after.length]);
      assertThat(difference(model.unmergedLogits(ids), after) / largest).isLessThan(1e-5);
      assertThat(difference(before, after)).isGreaterThan(0.01);
      assertThat(model.loss(batch(0, 8)).nats()).isLessThan(lossBefore);
      assertThat(model.trainedParameters()).isEqualTo(lora.parameterCount(weights.config()));
    }
  }

  @Test
  void update_adapters_leavesEveryOtherWeightAsItWas() {
    Lora lora = new Lora(2, 4, 0.1, List.of(Projection.MLP_IN));
    try (NDManager scope = Golden.scope();
        Gpt2Weights base = Golden.weights("fp32", scope);
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = TrainableGpt2.withAdapters(weights, lora, 3)) {
      train(model, 1, 2, DataType.FLOAT32);

      List<Gpt2Layout.Entry> layout = Gpt2Layout.of(weights.config());
      for (int i = 0; i < layout.size(); i++) {
        boolean same = model.weights().arrays().get(i).contentEquals(base.arrays().get(i));
        assertThat(same)
            .as(layout.get(i).name())
            .isEqualTo(!layout.get(i).name().endsWith("mlp.c_fc.weight"));
      }
    }
  }

  @Test
  void restoreTrainingState_inAnotherModel_goesOnToTheSameBits() {
    Lora lora = new Lora(4, 8, 0, List.of(Projection.ATTENTION_IN, Projection.MLP_OUT));
    try (NDManager scope = Golden.scope();
        Gpt2Weights straight = Golden.weights("fp32", scope);
        Gpt2Weights half = Golden.weights("fp32", scope);
        Gpt2Weights rest = Golden.weights("fp32", scope);
        TrainableGpt2 one = TrainableGpt2.withAdapters(straight, lora, 3);
        TrainableGpt2 first = TrainableGpt2.withAdapters(half, lora, 3);
        TrainableGpt2 second = TrainableGpt2.withAdapters(rest, lora, 99)) {
      train(one, 1, 6, DataType.FLOAT32);
      train(first, 1, 3, DataType.FLOAT32);
      second.restoreTrainingState(new NDList(first.trainingState().values()));
      assertThat(floats(second)).isEqualTo(floats(first));
      train(second, 4, 6, DataType.FLOAT32);

      assertThat(floats(second)).isEqualTo(floats(one));
      assertThat(one.trainingState().keySet())
          .contains("adapter.h.0.attn.c_attn.lora_A", "first.h.1.mlp.c_proj.lora_B");
    }
  }

  @ParameterizedTest
  @MethodSource("passes")
  void addGradients_recomputed_givesTheSameGradients(double dropout, boolean lora) {
    List<float[]> kept = gradients(dropout, lora, false, DataType.FLOAT32);
    List<float[]> recomputed = gradients(dropout, lora, true, DataType.FLOAT32);

    assertThat(recomputed).hasSameSizeAs(kept);
    for (int i = 0; i < kept.size(); i++) {
      assertThat(recomputed.get(i)).containsExactly(kept.get(i), Offset.offset(1e-6f));
    }
    assertThat(kept).anyMatch(g -> difference(g, new float[g.length]) > 1e-3);
  }

  static Stream<org.junit.jupiter.params.provider.Arguments> passes() {
    return Stream.of(0.0, 0.2)
        .flatMap(
            dropout ->
                Stream.of(false, true)
                    .map(lora -> org.junit.jupiter.params.provider.Arguments.of(dropout, lora)));
  }

  @Test
  void addGradients_float16_isFloat32WithinItsFractionAndScaledBack() {
    List<float[]> exact = gradients(0, false, false, DataType.FLOAT32);
    List<float[]> half = gradients(0, false, false, DataType.FLOAT16);

    double largest =
        exact.stream().mapToDouble(g -> difference(g, new float[g.length])).max().orElse(0);
    for (int i = 0; i < exact.size(); i++) { // eleven bits: 0.05 % a rounding
      assertThat(difference(half.get(i), exact.get(i))).isLessThan(0.01 * largest);
    }
  }

  @Test
  void update_float16BeyondItsRange_changesNothingAndScalesLess() {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      weights.arrays().get(weights.arrays().size() - 2).muli(1e4f); // the last LayerNorm's weight
      float[] before = floats(model);
      TrainableGpt2.Batch batch = batch(0, 8);

      model.addGradients(batch, pass(0, DataType.FLOAT16, false));
      double norm = model.update(1, batch.labels().length, ADAMW);

      assertThat(norm).isNotFinite();
      assertThat(model.skippedForRange()).isTrue();
      assertThat(floats(model)).isEqualTo(before);
      assertThat(model.trainingState().get("loss_scale").toFloatArray())
          .containsExactly((float) LossScale.FIRST / 2, 0);
    }
  }

  @Test
  void train_float16_learns() {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      double before = model.loss(batch(0, 8)).nats();
      train(model, 1, 20, DataType.FLOAT16);

      assertThat(model.loss(batch(0, 8)).nats()).isLessThan(0.9 * before);
    }
  }

  @Test
  void lossScale_finiteSteps_doublesAfterPatienceAndNeverFallsBelowOne() {
    LossScale scale = new LossScale();
    for (int i = 0; i < LossScale.PATIENCE; i++) {
      scale.after(true);
    }
    assertThat(scale.value()).isEqualTo(2 * LossScale.FIRST);
    for (int i = 0; i < 100; i++) {
      scale.after(false);
    }
    assertThat(scale.value()).isEqualTo(1);
    assertThat(scale.lowered()).isFalse(); // nothing is left to lower: the training diverges
  }

  @Test
  void lora_wrongNumbers_areRefused() {
    assertThatThrownBy(() -> new Lora(0, 1, 0, List.of(Projection.MLP_IN)))
        .hasMessageContaining("rank 0");
    assertThatThrownBy(() -> Projection.of("c_proj")).hasMessageContaining("mlp.c_proj");
    assertThat(new Lora(1, 1, 0, List.of(Projection.MLP_IN, Projection.ATTENTION_IN)).targets())
        .containsExactly(Projection.ATTENTION_IN, Projection.MLP_IN);
  }

  /** What one batch adds, as AdamW's first moments after a step that moves nothing: a tenth. */
  private static List<float[]> gradients(
      double dropout, boolean lora, boolean recompute, DataType arithmetic) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model =
            lora
                ? TrainableGpt2.withAdapters(
                    weights, new Lora(4, 8, dropout, List.of(Projection.values())), 3)
                : new TrainableGpt2(weights)) {
      if (lora) {
        train(model, 1, 1, DataType.FLOAT32); // until then A has no gradient
      }
      TrainableGpt2.Batch batch = batch(0, 8);
      do { // fp16 finds its scale
        model.addGradients(batch, pass(dropout, arithmetic, recompute));
        model.update(2, batch.labels().length, new TrainableGpt2.AdamW(0, 0.9, 0.999, 1e-8, 0, 0));
      } while (model.skippedForRange());
      List<float[]> gradients = new ArrayList<>();
      model.firstMoments().forEach(moment -> gradients.add(moment.toFloatArray()));
      return gradients;
    }
  }

  private static float[] merged(TrainableGpt2 model, int[][] ids) {
    Gpt2Weights weights = model.weights();
    try (NDManager scope = weights.manager().newSubManager();
        TorchProgram program = Gpt2Program.load(scope, weights.config(), Precision.REFERENCE);
        IValue p = TorchProgram.list(weights.arrays());
        IValue none = TorchProgram.list(List.of(longs(scope, ids)));
        IValue tokens = TorchProgram.argument(longs(scope, ids));
        IValue targets = IValue.from(0L);
        IValue scale = IValue.from(0.0)) {
      return program
          .tensor(scope, "adapted_logits", p, none, tokens, targets, scale)
          .toFloatArray();
    }
  }

  private static NDArray longs(NDManager scope, int[][] ids) {
    return scope.create(
        Arrays.stream(ids)
            .map(row -> Arrays.stream(row).asLongStream().toArray())
            .toArray(long[][]::new));
  }

  private static float[] floats(TrainableGpt2 model) {
    int size = model.weights().arrays().stream().mapToInt(a -> (int) a.getShape().size()).sum();
    float[] all = new float[size];
    int at = 0;
    for (NDArray array : model.weights().arrays()) {
      float[] part = array.toFloatArray();
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  private static double difference(float[] one, float[] other) {
    double largest = 0;
    for (int i = 0; i < one.length; i++) {
      largest = Math.max(largest, Math.abs(one[i] - other[i]));
    }
    return largest;
  }
}
