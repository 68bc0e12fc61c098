package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Every method of program.py is called, with every precision: a wrong line shows when it runs. */
class Gpt2ProgramTest {
  /** Calls keep, pack, linear, widen, head, step, select and enlarge. */
  @ParameterizedTest
  @CsvSource({
    "REFERENCE, 1e-4",
    "FP32, 1e-4",
    "FP16, 0.01",
    "INT12, 0.01",
    "BF16, 0.2",
    "INT8, 0.5",
    "INT4, 3"
  })
  void step_everyPrecision_logitsWithinItsError(Precision precision, float onCpu) {
    float limit = Golden.device().isGpu() ? 2 * onCpu : onCpu; // where activations are fp16 as well
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(precision, scope)) {
      float error = 0;
      float largest = 0;
      for (JsonNode golden : Golden.json("logits.json").get("cases")) {
        int[] ids = Golden.ids(golden.get("ids"));
        float[] expected = Golden.floats(golden.get("fp32").get(golden.get("fp32").size() - 1));
        assertThat(decoder.logits(ids)[ids.length - 1])
            .containsExactly(expected, Offset.offset(limit));
        try (KeyValueCache cache = decoder.newCache()) {
          float[] logits = {};
          for (int from = 0; from < ids.length; from += 40) { // 64 tokens fill a block
            int[] part = Arrays.copyOfRange(ids, from, Math.min(ids.length, from + 40));
            try (StepLogits step = decoder.step(List.of(new Gpt2Decoder.Row(cache, part, true)))) {
              logits = step.row(0).get(0).whole();
            }
          }
          for (int i = 0; i < expected.length; i++) {
            error = Math.max(error, Math.abs(logits[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
          }
        }
      }
      System.out.printf(
          "%s: largest logit error %.2g, largest logit %.3g%n", precision, error, largest);
      assertThat(error).isLessThanOrEqualTo(limit);
    }
  }

  /** Kernels that this processor may have, but does not choose. */
  private static Stream<Arguments> kernelsOfOthers() {
    return Stream.of(
        Arguments.of(Precision.FP16_FBGEMM, 0.01f), Arguments.of(Precision.INT8_FBGEMM, 0.5f));
  }

  @ParameterizedTest
  @MethodSource("kernelsOfOthers")
  void step_kernelsOfOtherProcessors_logitsWithinTheirError(
      Precision.Kernels kernels, float limit) {
    Golden.assumeKernels(Precision.INT8); // a CPU's
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        Gpt2Decoder decoder = Gpt2Decoder.load(weights, Precision.REFERENCE, kernels)) {
      for (JsonNode golden : Golden.json("logits.json").get("cases")) {
        int[] ids = Golden.ids(golden.get("ids"));
        float[] expected = Golden.floats(golden.get("fp32").get(golden.get("fp32").size() - 1));
        assertThat(decoder.logits(ids)[ids.length - 1])
            .containsExactly(expected, Offset.offset(limit));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void load_weightThatIsNotFinite_isNamed(Precision precision) {
    Golden.assumeKernels(precision);
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope)) {
      weights.arrays().get(2 + 12 + 8).set(new NDIndex("3, 5"), Float.POSITIVE_INFINITY);

      assertThatThrownBy(() -> Gpt2Decoder.load(weights, precision))
          .hasMessage(
              "h.1.mlp.c_fc.weight holds a number that is not finite: its file is damaged, or its"
                  + " training diverged");
    }
  }

  /** Calls share. */
  @Test
  void copyPrefix_partOfAnotherCache_givesTheLogitsOfReadingIt() {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(Precision.REFERENCE, scope);
        KeyValueCache read = decoder.newCache();
        KeyValueCache copy = decoder.newCache()) {
      int[] ids = new SplittableRandom(1).ints(70, 0, decoder.config().vocabularySize()).toArray();
      decoder.step(List.of(new Gpt2Decoder.Row(read, ids, false))).close();
      decoder.step(List.of(new Gpt2Decoder.Row(copy, new int[] {7}, false))).close();
      copy.copyPrefix(read, 66);

      int[] rest = Arrays.copyOfRange(ids, 66, 70);
      try (StepLogits step = decoder.step(List.of(new Gpt2Decoder.Row(copy, rest, true)))) {
        assertThat(step.row(0).get(0).whole())
            .containsExactly(decoder.logits(ids)[69], Offset.offset(1e-4f));
      }
      assertThat(read.length()).isEqualTo(70);
      assertThatThrownBy(() -> copy.copyPrefix(read, 71)).hasMessage("cannot copy 71 of 70 tokens");
      assertThat(copy.length()).isEqualTo(70);
    }
  }

  /** Calls hidden, project, loss, gradients; steps and update are GoldenTrainingTest's. */
  @ParameterizedTest
  @EnumSource(Precision.class)
  void trainingMethods_everyPrecision_sameNumbers(Precision precision) {
    Golden.assumeKernels(precision);
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TorchProgram program = Gpt2Program.load(scope, weights.config(), precision)) {
      JsonNode golden = Golden.json("loss.json");
      TrainableGpt2.Batch batch = Golden.batch(golden, 0, 4, 256);
      NDArray ids = ids(scope, batch.ids());
      NDArray learned = vector(scope, batch.learned());
      NDArray labels = vector(scope, batch.labels());
      double expected = golden.get("sum").doubleValue();
      for (long chunk : new long[] {7, 512}) { // targets in several chunks, and in one
        try (IValue p = TorchProgram.list(weights.arrays());
            IValue idsValue = TorchProgram.argument(ids);
            IValue learnedValue = TorchProgram.argument(learned);
            IValue labelsValue = TorchProgram.argument(labels);
            IValue chunkValue = IValue.from(chunk)) {
          double[] loss =
              program
                  .tensor(scope, "loss", p, idsValue, learnedValue, labelsValue, chunkValue)
                  .toDoubleArray();
          assertThat(loss[0]).isCloseTo(expected, Offset.offset(1e-3));
        }
        NDList gradients = new NDList();
        weights.arrays().forEach(w -> gradients.add(scope.zeros(w.getShape(), DataType.FLOAT32)));
        NDArray options = scope.create(new double[] {0, chunk, 6, 1, 0, 0, 0, 0});
        double nats =
            program
                .differentiate(
                    scope,
                    "gradients",
                    List.of(weights.arrays(), new NDList(scope.zeros(new Shape(1))), gradients),
                    ids,
                    learned,
                    labels,
                    options)
                .getDouble();
        assertThat(nats).isCloseTo(expected, Offset.offset(1e-3));
        assertThat(gradients).allMatch(g -> g.abs().sum().getFloat() > 0);
      }
    }
  }

  @Test
  void project_knownNumbers_isXTimesWeightPlusBias() {
    try (NDManager scope = Golden.scope();
        TorchProgram program =
            Gpt2Program.load(scope, Gpt2Config.shape("tiny"), Precision.REFERENCE);
        IValue x =
            TorchProgram.argument(scope.create(new float[] {1, 2, 3, 4}, new Shape(1, 2, 2)));
        IValue weight =
            TorchProgram.argument(
                scope.create(new float[] {1, 10, 100, 2, 20, 200}, new Shape(2, 3)));
        IValue bias = TorchProgram.argument(scope.create(new float[] {0.5f, 0, 0}))) {
      NDArray y = program.tensor(scope, "project", x, weight, bias);

      assertThat(y.getShape()).isEqualTo(new Shape(1, 2, 3));
      assertThat(y.toFloatArray()).containsExactly(5.5f, 50, 500, 11.5f, 110, 1100);
    }
  }

  /**
   * Calls product and quantize. A row's numbers come back as multiples of its largest / 63; a row
   * of zeros stays zero.
   */
  @Test
  void head_int8RowsOfVeryDifferentSize_eachAsAlone() {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        Int8Head head = new Int8Head(weights, scope)) {
      NDArray states = scope.randomNormal(new Shape(33, weights.config().embeddingSize()));
      states.set(new NDIndex("0"), states.get(0).mul(1000));
      states.set(new NDIndex("1"), states.get(1).mul(0));
      NDArray together = head.of(states);
      NDArray exact = states.matMul(weights.arrays().get(0).transpose());

      for (int row = 0; row < 33; row++) {
        NDArray alone = head.of(states.get(row + ":" + (row + 1)));
        assertThat(together.get(row).toFloatArray()).containsExactly(alone.toFloatArray());
        float limit = 0.04f * exact.get(row).abs().max().getFloat();
        assertThat(alone.toFloatArray())
            .containsExactly(exact.get(row).toFloatArray(), Offset.offset(limit));
      }
    }
  }

  /** A row that is no number stays none, so that its turn fails, and no other row notices. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.NEGATIVE_INFINITY})
  void head_int8RowThatIsNoNumber_isNoneAndAlone(float damage) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        Int8Head head = new Int8Head(weights, scope)) {
      NDArray states = scope.randomNormal(new Shape(3, weights.config().embeddingSize()));
      NDArray whole = head.of(states);
      states.set(new NDIndex("1, 5"), damage);
      NDArray damaged = head.of(states);

      assertThat(damaged.get(0).toFloatArray()).containsExactly(whole.get(0).toFloatArray());
      assertThat(damaged.get(2).toFloatArray()).containsExactly(whole.get(2).toFloatArray());
      for (float logit : damaged.get(1).toFloatArray()) {
        assertThat(Float.isFinite(logit)).isFalse();
      }
    }
  }

  /** The output head of FBGEMM's int8 kernels. */
  private static final class Int8Head implements AutoCloseable {
    private final NDManager scope;
    private final TorchProgram program;
    private final IValue parameters;
    private final IValue packed;

    Int8Head(Gpt2Weights weights, NDManager scope) {
      Golden.assumeKernels(Precision.INT8);
      this.scope = scope;
      this.program = Gpt2Program.load(scope, weights.config(), Precision.INT8_FBGEMM);
      this.parameters = TorchProgram.list(weights.arrays());
      this.packed =
          program.call("pack", parameters, IValue.from(Torch.scalarType(DataType.FLOAT32)));
    }

    NDArray of(NDArray states) {
      try (IValue x = TorchProgram.argument(states)) {
        return program.tensor(scope, "head", x, parameters, packed);
      }
    }

    @Override
    public void close() {
      packed.close();
      parameters.close();
      program.close();
    }
  }

  @Test
  void gelu_numbersOfEverySize_isHalfOfYTimesOnePlusTanh() {
    Golden.assumeKernels(Precision.INT8); // a CPU's
    float[] numbers = {
      0, 1e-30f, -1e-30f, 1e-3f, -1e-3f, 0.5f, -0.5f, 1, -1, 3, -3, 5, -5, 10, -10, 1e4f, -1e4f,
      1e20f, -1e20f, 1e30f, -1e30f
    };
    try (NDManager scope = Golden.scope();
        TorchProgram program = Gpt2Program.load(scope, Gpt2Config.shape("tiny"), Precision.FP16);
        IValue y = TorchProgram.argument(scope.create(numbers));
        IValue none = TorchProgram.argument(scope.create(new float[] {Float.NaN}))) {
      float[] got = program.tensor(scope, "gelu_", y).toFloatArray();

      for (int i = 0; i < numbers.length; i++) {
        double x = numbers[i];
        double u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
        double expected = x / (1 + Math.exp(-2 * u));
        assertThat((double) got[i])
            .as("of %s", x)
            .isCloseTo(expected, Offset.offset(1e-7 + 1e-6 * Math.abs(expected)));
      }
      assertThat(program.tensor(scope, "gelu_", none).toFloatArray()[0]).isNaN();
    }
  }

  @Test
  void copy_weights_targetIsEqualAndIndependent() {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Golden.weights("fp32", scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      NDList target = new NDList();
      weights.arrays().forEach(w -> target.add(scope.zeros(w.getShape(), DataType.FLOAT32)));

      model.copy(weights.arrays(), target);

      for (int i = 0; i < target.size(); i++) {
        assertThat(target.get(i).toFloatArray())
            .containsExactly(weights.arrays().get(i).toFloatArray());
      }
      weights.arrays().get(0).addi(1);
      assertThat(target.get(0).contentEquals(weights.arrays().get(0))).isFalse();
    }
  }

  /** A method that nobody calls any more goes; a new one gets a caller, which the tests reach. */
  @Test
  void methods_ofTheProgram_allHaveACaller() throws IOException {
    StringBuilder program = new StringBuilder();
    for (String name :
        List.of(
            "program",
            "attention",
            "attention_bags",
            "attention_gathered",
            "prompts_products",
            "prompts_flash",
            "layers",
            "linear_plain",
            "linear_packed",
            "linear_fp16",
            "linear_int8",
            "linear_native",
            "linear_native_groups",
            "linear_native_int4",
            "linear_native_int8",
            "linear_native_int12",
            "linear_native_fp16",
            "attention_native")) {
      program.append(source(Path.of("src/main/resources/dev/parley/model/gpt2", name + ".py")));
    }
    StringBuilder java = new StringBuilder();
    try (Stream<Path> files = Files.list(Path.of("src/main/java/dev/parley/model/gpt2"))) {
      files.forEach(file -> java.append(source(file)));
    }
    List<String> methods =
        Pattern.compile("^  def (\\w+)\\(", Pattern.MULTILINE)
            .matcher(program)
            .results()
            .map(match -> match.group(1))
            .distinct()
            .toList();

    assertThat(methods).contains("step", "gradients", "quantize");
    assertThat(methods)
        .allMatch(
            method ->
                java.indexOf("\"" + method + "\"") >= 0
                    || program.indexOf("self." + method + "(") >= 0);
  }

  private static String source(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static NDArray ids(NDManager scope, int[][] rows) {
    List<Long> flat = new ArrayList<>();
    for (int[] row : rows) {
      Arrays.stream(row).asLongStream().forEach(flat::add);
    }
    return scope.create(
        flat.stream().mapToLong(Long::longValue).toArray(), new Shape(rows.length, rows[0].length));
  }

  private static NDArray vector(NDManager scope, int[] values) {
    return scope.create(Arrays.stream(values).asLongStream().toArray());
  }
}
