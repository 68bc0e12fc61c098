package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the program's select says of logits is what a sort in Java says of them. */
class StepLogitsTest {
  private static final int VOCABULARY = 1_000;

  private static StepLogits select(
      NDManager scope, TorchProgram program, float[][] rows, List<List<LogitsQuery>> queries) {
    float[] flat = new float[rows.length * VOCABULARY];
    for (int r = 0; r < rows.length; r++) {
      System.arraycopy(rows[r], 0, flat, r * VOCABULARY, VOCABULARY);
    }
    NDManager owner = scope.newSubManager();
    return StepLogits.select(
        owner, program, owner.create(flat, new Shape(rows.length, VOCABULARY)), queries);
  }

  private static TorchProgram program(NDManager scope) {
    Gpt2Config config = new Gpt2Config(VOCABULARY, 8, 4, 1, 1, 1e-5, 0.02, 0, 0);
    return Gpt2Program.load(scope, config, Precision.REFERENCE);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void select_randomRowsWithTies_asSortedInJava(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] rows = new float[6][VOCABULARY];
    List<LogitsQuery> queries = new ArrayList<>();
    for (float[] row : rows) {
      for (int i = 0; i < row.length; i++) {
        row[i] = random.nextInt(-400, 400) / 16f; // many are equal
      }
      queries.add(
          new LogitsQuery(
              random.nextBoolean() ? 0 : 1 + random.nextInt(50),
              random.nextBoolean() ? 0 : 0.5f + random.nextInt(3),
              random.ints(random.nextInt(5), 0, VOCABULARY).distinct().toArray()));
    }
    queries.set(2, LogitsQuery.draw(0.7f, random.nextDouble()));
    queries.set(5, LogitsQuery.draw(2, random.nextDouble()));
    int most = queries.stream().mapToInt(LogitsQuery::greatest).max().orElseThrow();
    try (NDManager scope = Golden.scope();
        TorchProgram program = program(scope);
        StepLogits logits =
            select(
                scope,
                program,
                rows,
                List.of(queries.subList(0, 2), List.of(), queries.subList(2, 6)))) {
      assertThat(logits.row(0)).hasSize(2);
      assertThat(logits.row(1)).isEmpty();
      List<Logits> all = new ArrayList<>(logits.row(0));
      all.addAll(logits.row(2));
      for (int q = 0; q < rows.length; q++) {
        LogitsQuery asked = queries.get(q);
        int greatest = asked.greatest() == 0 ? 0 : most; // all rows get what one of them wants
        Logits expected =
            Logits.of(
                rows[q],
                new LogitsQuery(greatest, asked.temperature(), asked.tokens(), asked.place()));
        Logits actual = all.get(q);
        assertThat(actual.best()).as("seed %d row %d", seed, q).isEqualTo(expected.best());
        assertThat(actual.finite()).isTrue();
        assertThat(actual.bound()).isEqualTo(expected.bound());
        assertThat(sorted(actual.values())).isEqualTo(sorted(expected.values()));
        assertThat(actual.tokens()).isSorted().doesNotHaveDuplicates();
        for (int i = 0; i < actual.tokens().length; i++) {
          assertThat(actual.values()[i]).isEqualTo(rows[q][actual.tokens()[i]]);
        }
        for (int token : asked.tokens()) {
          assertThat(actual.tokens()).contains(token);
        }
        assertThat(actual.drawn(asked.place())).isEqualTo(expected.drawn(asked.place()));
        if (asked.sums()) {
          assertThat(actual.sum()).isCloseTo(expected.sum(), within(1e-12 * expected.sum()));
        }
        assertThat(actual.whole()).isEqualTo(rows[q]);
      }
    }
  }

  /** Sizes around the blocks that a draw sums up: none, one and some, with and without a rest. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 255, 256, 257, 512, 1_000})
  void select_drawAtAnyPlace_asCountedInJava(int size) {
    SplittableRandom random = new SplittableRandom(size);
    float[] row = new float[size];
    for (int i = 0; i < size; i++) {
      row[i] = (float) (4 * random.nextGaussian());
    }
    List<LogitsQuery> queries = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      queries.add(LogitsQuery.draw(0.8f, i == 0 ? 0 : random.nextDouble()));
    }
    queries.add(LogitsQuery.draw(0.8f, Math.nextDown(1.0)));
    try (NDManager scope = Golden.scope();
        TorchProgram program = program(scope)) {
      float[] flat = new float[size * queries.size()];
      for (int q = 0; q < queries.size(); q++) {
        System.arraycopy(row, 0, flat, q * size, size);
      }
      NDManager owner = scope.newSubManager();
      try (StepLogits logits =
          StepLogits.select(
              owner,
              program,
              owner.create(flat, new Shape(queries.size(), size)),
              List.of(queries))) {
        for (int q = 0; q < queries.size(); q++) {
          double place = queries.get(q).place();
          assertThat(logits.row(0).get(q).drawn(place))
              .as("at %s of the way", place)
              .isEqualTo(Logits.of(row, queries.get(q)).drawn(place))
              .isBetween(0, size - 1);
        }
      }
    }
  }

  private static float[] sorted(float[] values) {
    float[] copy = values.clone();
    Arrays.sort(copy);
    return copy;
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void select_oneRowNotFinite_onlyThatRow(float bad) {
    float[][] rows = new float[3][VOCABULARY];
    rows[1][777] = bad;
    LogitsQuery query = new LogitsQuery(5, 1, new int[] {3});
    try (NDManager scope = Golden.scope();
        TorchProgram program = program(scope);
        StepLogits logits =
            select(
                scope,
                program,
                rows,
                List.of(List.of(query), List.of(query), List.of(LogitsQuery.BEST)))) {
      assertThat(logits.row(0).get(0).finite()).isTrue();
      assertThat(logits.row(1).get(0).finite()).isFalse();
      assertThat(logits.row(2).get(0).finite()).isTrue();
      assertThat(logits.row(2).get(0).best()).isZero();
      assertThat(logits.row(0).get(0).sum()).isEqualTo(VOCABULARY);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {VOCABULARY, VOCABULARY + 1})
  void select_asManyAsThereAre_nothingIsUnknown(int greatest) {
    try (NDManager scope = Golden.scope();
        TorchProgram program = program(scope);
        StepLogits logits =
            select(
                scope,
                program,
                new float[1][VOCABULARY],
                List.of(List.of(LogitsQuery.greatest(greatest))))) {
      assertThat(logits.row(0).get(0).tokens()).hasSize(VOCABULARY);
      assertThat(logits.row(0).get(0).bound()).isEqualTo(Float.NEGATIVE_INFINITY);
    }
  }

  @Test
  void step_queriesAfterTheLastThreeTokens_asStepByStep() {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(Precision.FP32, scope);
        KeyValueCache atOnce = decoder.newCache();
        KeyValueCache oneByOne = decoder.newCache()) {
      int[] ids = {5, 6, 7, 8, 9, 10};
      List<float[]> expected = new ArrayList<>();
      for (int id : ids) {
        try (StepLogits step =
            decoder.step(List.of(new Gpt2Decoder.Row(oneByOne, new int[] {id}, true)))) {
          expected.add(step.row(0).get(0).whole());
        }
      }
      List<LogitsQuery> queries =
          List.of(LogitsQuery.BEST, LogitsQuery.greatest(4), LogitsQuery.BEST);

      try (StepLogits step = decoder.step(List.of(new Gpt2Decoder.Row(atOnce, ids, queries)))) {
        for (int i = 0; i < 3; i++) {
          float[] whole = step.row(0).get(i).whole();
          for (int token = 0; token < whole.length; token++) {
            assertThat(whole[token]).isCloseTo(expected.get(3 + i)[token], within(1e-4f));
          }
        }
        assertThat(step.row(0).get(1).tokens()).hasSize(4);
      }
    }
  }

  @Test
  void row_moreQueriesThanTokens_isRefused() {
    try (NDManager scope = Golden.scope();
        Gpt2Decoder decoder = Golden.decoder(Precision.FP32, scope);
        KeyValueCache cache = decoder.newCache()) {
      assertThatThrownBy(
              () ->
                  new Gpt2Decoder.Row(
                      cache, new int[1], List.of(LogitsQuery.BEST, LogitsQuery.BEST)))
          .hasMessage("2 queries about the logits of 1 tokens");
    }
  }
}
