package dev.parley.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Lora;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.Floor;
import dev.parley.trainer.data.LabelPolicy;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.data.Turn;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.trainer.loop.LoopListener.Evaluated;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real models of a few thousand weights over a vocabulary of 16 tokens. */
final class TrainingLoopTest {
  private static final Gpt2Config SHAPE = new Gpt2Config(16, 24, 16, 1, 2, 1e-5, 0.02, 0.1, 15);

  /** Context 1 is answered 2, 2, 2 or 3; context 4 always by 5 6. */
  private static final List<Dialogue> DIALOGUES =
      dialogues("1>2", "1>2", "1>2", "1>3", "4>5 6", "4>5 6", "4>5 6", "4>5 6");

  @BeforeAll
  static void useOneThread() {
    Torch.setThreads(1); // the arithmetic is tiny: waiting for a second thread takes longer
  }

  @ParameterizedTest
  @CsvSource({"REPLIES, 20", "ALL, 28"})
  void fit_knownDistribution_comesDownToItsEntropyAndNotBelow(LabelPolicy policy, int targets) {
    Run run = new Run(recipe().maxSteps(300).learningRate(1e-2).labelPolicy(policy));
    double floor = Floor.of(run.evaluation.list());

    Outcome outcome = run.fit(() -> false);

    assertThat(outcome).isInstanceOf(Outcome.Finished.class);
    Outcome.Finished finished = (Outcome.Finished) outcome;
    assertThat(finished.before().evaluation().loss()).isCloseTo(Math.log(16), within(0.1));
    assertThat(finished.after().evaluation().loss()).isBetween(floor - 1e-4, floor + 0.01);
    assertThat(finished.after().evaluation().targetTokens()).isEqualTo(targets);
    assertThat(run.steps).hasSize(300);
    assertThat(run.steps.get(299).epoch()).isEqualTo(150);
    assertThat(run.steps).allMatch(step -> step.targetTokens() > 0 && step.tokensPerSecond() > 0);
  }

  @Test
  void fit_sameSeed_givesTheSameWeightsBitByBit() {
    float[] first = new Run(recipe().maxSteps(20).dropout(0.2)).weightsAfter();
    float[] second = new Run(recipe().maxSteps(20).dropout(0.2)).weightsAfter();
    float[] other = new Run(recipe().maxSteps(20).dropout(0.2).seed(2)).weightsAfter();

    assertThat(second).isEqualTo(first);
    assertThat(other).isNotEqualTo(first);
  }

  @Test
  void fit_recomputedLayers_giveTheSameWeights() {
    float[] kept = new Run(recipe().maxSteps(10).dropout(0.2)).weightsAfter();
    float[] recomputed =
        new Run(
                recipe()
                    .maxSteps(10)
                    .dropout(0.2)
                    .footprint(new Recipe.Footprint(Optional.empty(), true)))
            .weightsAfter();

    assertThat(recomputed).containsExactly(kept, within(1e-6f));
  }

  @Test
  void fit_adapters_learnWhatFrozenEmbeddingsAllow() {
    Lora lora = new Lora(8, 16, 0, List.of(Lora.Projection.values()));
    Run run =
        new Run(
            recipe()
                .maxSteps(100)
                .learningRate(2e-2)
                .footprint(new Recipe.Footprint(Optional.of(lora), false)));

    Outcome.Finished finished = (Outcome.Finished) run.fit(() -> false);

    // Random embeddings of 0.02 and a frozen last LayerNorm keep all logits within a few tenths.
    double before = finished.before().evaluation().loss();
    assertThat(finished.after().evaluation().loss())
        .isBetween(Floor.of(sequences().list()), before - 0.2);
  }

  @Test
  void fit_accumulatedMicroBatches_stepAsOneBatchDoes() {
    // Not weight by weight: AdamW blows rounding up where the true gradient is 0 (keys' biases).
    Run whole = new Run(recipe().maxSteps(20).batch(8, 1));
    whole.fit(() -> false);
    for (int size : new int[] {1, 2, 3}) { // 3: the last micro-batch is smaller
      Run parts = new Run(recipe().maxSteps(20).batch(size, 8));
      parts.fit(() -> false);

      assertThat(parts.steps).hasSize(20);
      for (int i = 0; i < 20; i++) {
        LoopListener.Step expected = whole.steps.get(i);
        LoopListener.Step actual = parts.steps.get(i);
        assertThat(actual.loss())
            .as("size %d %s", size, actual)
            .isCloseTo(expected.loss(), within(1e-5));
        assertThat(actual.gradientNorm()).isCloseTo(expected.gradientNorm(), within(1e-4));
        assertThat(actual.targetTokens()).isEqualTo(20);
      }
      assertThat(parts.lossAfter).isCloseTo(whole.lossAfter, within(1e-5));
    }
  }

  @Test
  void fit_stoppedAfterThreeSteps_stopsThere() {
    Run run = new Run(recipe().maxSteps(100));

    Outcome outcome = run.fit(() -> run.steps.size() == 3);

    assertThat(outcome).isEqualTo(new Outcome.Stopped(3));
    assertThat(run.steps).hasSize(3);
    assertThat(run.evaluations).hasSize(1);
  }

  @Test
  void fit_enormousLearningRate_stopsAfterThreeNonFiniteStepsWithAReason() {
    Run run = new Run(recipe().maxSteps(100).learningRate(1e30).clip(0));

    Outcome outcome = run.fit(() -> false);

    assertThat(outcome).isInstanceOf(Outcome.Diverged.class);
    Outcome.Diverged diverged = (Outcome.Diverged) outcome;
    assertThat(diverged.step()).isEqualTo(run.steps.size()).isLessThan(20);
    assertThat(diverged.reason()).contains("diverged", "3 steps in a row", "lower the learning");
    assertThat(run.steps.subList(0, run.steps.size() - 3))
        .allMatch(step -> Double.isFinite(step.loss()));
  }

  @Test
  void fit_evaluationsInBetween_keepsTheBestWeights() {
    // Other answers to the same questions: guessing among the words of all answers gets better
    // first, being sure of the wrong ones gets worse later.
    Run run =
        new Run(recipe().maxSteps(60).evaluationSteps(5), sequences(dialogues("1>3", "4>6 5")));

    Outcome.Finished finished = (Outcome.Finished) run.fit(() -> false);

    double best =
        run.evaluations.stream()
            .skip(1)
            .mapToDouble(evaluated -> evaluated.evaluation().loss())
            .min()
            .orElseThrow();
    assertThat(run.evaluations).hasSize(13);
    assertThat(finished.after().evaluation().loss()).isEqualTo(best);
    assertThat(finished.after().step()).isNotEqualTo(60);
    assertThat(run.lossAfter).isCloseTo(best, within(1e-6)); // of the weights that were left
  }

  @Test
  void fit_evaluationsGetWorse_stopsEarlyWithTheBestWeights() {
    Run run =
        new Run(
            recipe().maxSteps(1000).learningRate(2e-2).evaluationSteps(5).patience(3),
            sequences(dialogues("1>3", "4>6 5")));

    Outcome.Finished finished = (Outcome.Finished) run.fit(() -> false);

    assertThat(finished.early()).isTrue();
    assertThat(finished.steps()).isEqualTo(run.steps.size()).isLessThan(1000);
    assertThat(finished.after().step()).isEqualTo(finished.steps() - 3 * 5);
    assertThat(run.lossAfter).isCloseTo(finished.after().evaluation().loss(), within(1e-6));
  }

  @Test
  void fit_epochsAndSteps_endsWithWhicheverComesFirst() {
    assertThat(plan(recipe().epochs(3)).totalSteps()).isEqualTo(6);
    assertThat(plan(recipe().epochs(1.25)).totalSteps()).isEqualTo(3);
    assertThat(plan(recipe().epochs(3).maxSteps(4)).totalSteps()).isEqualTo(4);
    assertThat(plan(recipe().epochs(1).maxSteps(4)).totalSteps()).isEqualTo(2);
    assertThat(plan(recipe().maxSteps(100)).warmupSteps()).isEqualTo(5);
  }

  private static LoopListener.Plan plan(Builder recipe) {
    return TrainingLoop.plan(sequences(), recipe.build());
  }

  private static Sequences sequences() {
    return sequences(DIALOGUES);
  }

  private static Sequences sequences(List<Dialogue> dialogues) {
    return sequences(dialogues, LabelPolicy.REPLIES);
  }

  private static Sequences sequences(List<Dialogue> dialogues, LabelPolicy policy) {
    return Sequences.encode(dialogues, TrainingLoopTest::turn, policy, 24);
  }

  private static Builder recipe() {
    return new Builder();
  }

  /** A training with its own model; everything it did is kept. */
  private static final class Run implements LoopListener {
    final Recipe recipe;
    final List<Step> steps = new ArrayList<>();
    final List<Evaluated> evaluations = new ArrayList<>();
    private float[] weights = new float[0];
    double lossAfter;

    private final Sequences evaluation;

    Run(Builder recipe) {
      this(recipe, sequences(DIALOGUES, recipe.labelPolicy));
    }

    Run(Builder recipe, Sequences evaluation) {
      this.recipe = recipe.build();
      this.evaluation = evaluation;
    }

    Outcome fit(BooleanSupplier cancelled) {
      Sequences sequences = sequences(DIALOGUES, recipe.labelPolicy());
      try (NDManager scope =
              Torch.newScope(Torch.device(System.getProperty("parley.test.device", "cpu")));
          Gpt2Weights random = Gpt2Weights.random(SHAPE, 1, scope);
          TrainableGpt2 model =
              recipe
                  .footprint()
                  .lora()
                  .map(lora -> TrainableGpt2.withAdapters(random, lora, 1))
                  .orElseGet(() -> new TrainableGpt2(random))) {
        TrainingLoop.Evaluator evaluator =
            step ->
                new Evaluated(
                    step,
                    Evaluation.of(model, evaluation.list(), 4),
                    List.of(),
                    OptionalDouble.empty());
        Outcome outcome =
            new TrainingLoop(model, sequences, evaluator, recipe, this).fit(cancelled);
        weights = flat(random);
        lossAfter = Evaluation.of(model, evaluation.list(), 4).loss();
        return outcome;
      }
    }

    float[] weightsAfter() {
      fit(() -> false);
      return weights;
    }

    private static float[] flat(Gpt2Weights weights) {
      float[] flat = new float[0];
      for (NDArray array : weights.arrays()) {
        float[] part = array.toFloatArray();
        int start = flat.length;
        flat = Arrays.copyOf(flat, start + part.length);
        System.arraycopy(part, 0, flat, start, part.length);
      }
      return flat;
    }

    @Override
    public void started(Plan plan) {
      assertThat(plan.stepsPerEpoch()).isPositive();
    }

    @Override
    public void step(Step step) {
      steps.add(step);
    }

    @Override
    public void evaluated(Evaluated evaluated) {
      evaluations.add(evaluated);
    }
  }

  /** A recipe without dropout, decay and schedule unless a test asks for them. */
  private static final class Builder {
    private OptionalDouble epochs = OptionalDouble.empty();
    private OptionalInt maxSteps = OptionalInt.empty();
    private LabelPolicy labelPolicy = LabelPolicy.REPLIES;
    private int batchSize = 4;
    private int accumulation = 1;
    private double learningRate = 1e-2;
    private double clip = 1;
    private long seed = 1;
    private double dropout;
    private int evaluationSteps;
    private int patience;
    private Recipe.Footprint footprint = Recipe.Footprint.FULL;

    Builder epochs(double value) {
      epochs = OptionalDouble.of(value);
      return this;
    }

    Builder maxSteps(int value) {
      maxSteps = OptionalInt.of(value);
      return this;
    }

    Builder batch(int size, int microBatches) {
      batchSize = size;
      accumulation = microBatches;
      return this;
    }

    Builder learningRate(double value) {
      learningRate = value;
      return this;
    }

    Builder clip(double value) {
      clip = value;
      return this;
    }

    Builder seed(long value) {
      seed = value;
      return this;
    }

    Builder labelPolicy(LabelPolicy value) {
      labelPolicy = value;
      return this;
    }

    Builder dropout(double value) {
      dropout = value;
      return this;
    }

    Builder footprint(Recipe.Footprint value) {
      footprint = value;
      return this;
    }

    Builder evaluationSteps(int value) {
      evaluationSteps = value;
      return this;
    }

    Builder patience(int value) {
      patience = value;
      return this;
    }

    Recipe build() {
      return new Recipe(
          "default",
          epochs,
          maxSteps,
          batchSize,
          accumulation,
          learningRate,
          Schedule.COSINE,
          OptionalInt.empty(),
          0,
          clip,
          24,
          labelPolicy,
          0,
          seed,
          DataType.FLOAT32,
          dropout,
          evaluationSteps,
          patience,
          footprint);
    }
  }

  /** `context>reply`, tokens as numbers. */
  private static List<Dialogue> dialogues(String... lines) {
    return Arrays.stream(lines)
        .map(line -> line.split(">"))
        .map(
            turns ->
                new Dialogue(List.of(Turn.of("user", turns[0]), Turn.of("assistant", turns[1]))))
        .toList();
  }

  private static int[] turn(String text) {
    int[] ids = Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
    int[] turn = Arrays.copyOf(ids, ids.length + 1);
    turn[ids.length] = 15;
    return turn;
  }
}
