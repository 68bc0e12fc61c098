package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.parley.model.gpt2.Logits;
import dev.parley.model.gpt2.LogitsQuery;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SamplerTest {
  private static final int END = 4;
  private static final Logits LOGITS =
      logits(
          new float[] {
            (float) Math.log(0.1),
            (float) Math.log(0.2),
            (float) Math.log(0.3),
            (float) Math.log(0.4),
            -50
          });

  private final Sampler sampler = new Sampler(5, END);

  private static Logits logits(float[] whole) {
    return Logits.of(whole, LogitsQuery.BEST);
  }

  private static SamplingParameters sampling(long seed) {
    return new SamplingParameters(9, 0, true, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), seed);
  }

  private static SamplingParameters penalties(float presence, float frequency) {
    return new SamplingParameters(
        9, 0, false, 1, 0, 1, 0, 1, 1, presence, frequency, 0, Map.of(), List.of(), 0);
  }

  private int choose(Logits logits, SamplingParameters parameters, int... reply)
      throws Sampler.NoTokenException {
    TokenBuffer tokens = new TokenBuffer(END);
    tokens.addAll(reply);
    return sampler.choose(logits, parameters, tokens, 1, token -> true);
  }

  @Test
  void choose_greedy_takesTheMostProbable() throws Exception {
    assertThat(choose(LOGITS, SamplingParameters.greedy(9))).isEqualTo(3);
  }

  /** Divided by so little, logits are beyond what a float holds. */
  @Test
  void choose_leastTemperature_takesTheMostProbable() throws Exception {
    for (float temperature : new float[] {Float.MIN_VALUE, 1e-38f, 1e-20f}) {
      for (float shift : new float[] {-90, 0, 90}) {
        float[] row = LOGITS.whole().clone();
        for (int i = 0; i < row.length; i++) {
          row[i] += shift;
        }
        SamplingParameters parameters =
            new SamplingParameters(
                9, 0, true, temperature, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), 1);
        assertThat(choose(logits(row), parameters)).as("%s, %s", temperature, shift).isEqualTo(3);
      }
    }
  }

  @Test
  void choose_presencePenalty_isSubtractedOnce() throws Exception {
    // 3 leads 2 by log(4/3) = 0.288.
    assertThat(choose(LOGITS, penalties(0.25f, 0), 3, 3, 3)).isEqualTo(3);
    assertThat(choose(LOGITS, penalties(0.3f, 0), 3)).isEqualTo(2);
  }

  @Test
  void choose_frequencyPenalty_isSubtractedEachTime() throws Exception {
    assertThat(choose(LOGITS, penalties(0, 0.2f), 3)).isEqualTo(3);
    assertThat(choose(LOGITS, penalties(0, 0.2f), 3, 3)).isEqualTo(2);
  }

  @Test
  void choose_manySeeds_followsTheProbabilities() throws Exception {
    int[] counts = new int[5];
    for (long seed = 0; seed < 20_000; seed++) {
      counts[choose(LOGITS, sampling(seed))]++;
    }
    for (int token = 0; token < 4; token++) {
      assertThat(counts[token] / 20_000.0).isCloseTo((token + 1) / 10.0, within(0.015));
    }
  }

  @Test
  void choose_drawnWithTheLogits_asFromTheWholeRow() throws Exception {
    TokenBuffer tokens = new TokenBuffer(END, 1, 2);
    for (long seed = 0; seed < 200; seed++) {
      LogitsQuery query = SamplingQuery.of(sampling(seed), tokens, 1, END);
      Logits logits = Logits.of(LOGITS.whole(), query);
      int drawn = logits.drawn(query.place());

      assertThat(drawn).isEqualTo(choose(LOGITS, sampling(seed), 1, 2));
      assertThat(choose(logits, sampling(seed), 1, 2)).isEqualTo(drawn);
      assertThat(choose(logits, sampling(seed + 1), 1, 2))
          .as("another seed does not get this one's")
          .isEqualTo(choose(LOGITS, sampling(seed + 1), 1, 2));
      assertThat(sampler.choose(logits, sampling(seed), tokens, 1, token -> token != drawn))
          .as("not the one that is not allowed")
          .isNotEqualTo(drawn);
    }
  }

  @Test
  void choose_disallowedToken_leavesTheOthersTheirProportions() throws Exception {
    int[] counts = new int[5];
    for (long seed = 0; seed < 20_000; seed++) {
      counts[
          sampler.choose(LOGITS, sampling(seed), new TokenBuffer(END), 1, token -> token != 3)]++;
    }
    assertThat(counts[3]).isZero();
    assertThat(counts[0] / 20_000.0).isCloseTo(1 / 6.0, within(0.015));
    assertThat(counts[2] / 20_000.0).isCloseTo(3 / 6.0, within(0.015));
  }

  @Test
  void choose_samePlace_samePick() throws Exception {
    for (long seed = 0; seed < 50; seed++) {
      assertThat(choose(LOGITS, sampling(seed), 1, 2))
          .isEqualTo(choose(LOGITS, sampling(seed), 1, 2));
    }
  }

  @Test
  void uniform_neighbouringPlaces_differAndStayBelowOne() {
    Set<Double> seen = new HashSet<>();
    for (int seed = 0; seed < 20; seed++) {
      for (int prompt = 0; prompt < 20; prompt++) {
        for (int step = 0; step < 20; step++) {
          double value = Sampler.uniform(seed, prompt, step, 0);
          assertThat(value).isBetween(0.0, Math.nextDown(1.0));
          assertThat(seen.add(value)).isTrue();
        }
      }
    }
  }

  @Test
  void choose_nanLogit_isAnError() {
    Logits broken = logits(new float[] {0, 1, Float.NaN, 0, 0});

    assertThatThrownBy(() -> choose(broken, SamplingParameters.greedy(9)))
        .isInstanceOfSatisfying(
            Sampler.NoTokenException.class,
            e -> assertThat(e.reason()).isEqualTo("NON_FINITE_LOGITS"))
        .hasMessageContaining("NaN for token 2");
  }

  @Test
  void choose_nothingAllowed_isAnError() {
    SamplingParameters noEnd =
        new SamplingParameters(9, 5, false, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), 0);

    assertThatThrownBy(() -> sampler.choose(LOGITS, noEnd, new TokenBuffer(END), 1, token -> false))
        .isInstanceOfSatisfying(
            Sampler.NoTokenException.class, e -> assertThat(e.reason()).isEqualTo("NO_TOKEN_LEFT"));
  }
}
