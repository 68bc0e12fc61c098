package dev.parley.trainer.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Against numbers that were computed by hand. */
final class GenerationMetricsTest {
  @Test
  void of_twoReplies_countsOverBothTogether() {
    // Words: a b a c / a b. Pairs: ab ba ac / ab.
    GenerationMetrics metrics =
        GenerationMetrics.of(List.of("a b a c", " a  b "), List.of("a b a c", "a b"));

    assertThat(metrics.distinct1()).isEqualTo(3.0 / 6);
    assertThat(metrics.distinct2()).isEqualTo(3.0 / 4);
    assertThat(metrics.meanLength()).isEqualTo(3);
    assertThat(metrics.entropy4()).isZero(); // one sequence of four words
    assertThat(metrics.bleu4()).isCloseTo(1, within(1e-12));
    assertThat(metrics.replies()).isEqualTo(2);
  }

  @Test
  void entropy_fourWordSequences_isInNats() {
    // 1234 twice, 2345 once, 9876 once: 0.5 ln 2 + 2 * 0.25 ln 4.
    List<List<String>> texts =
        List.of(
            GenerationMetrics.words("1 2 3 4 5"),
            GenerationMetrics.words("1 2 3 4"),
            GenerationMetrics.words("9 8 7 6"));

    assertThat(GenerationMetrics.entropy(texts, 4)).isCloseTo(1.5 * Math.log(2), within(1e-12));
  }

  @Test
  void bleu_partialMatch_isTheGeometricMeanOfPrecisions() {
    // Reply: the the cat sat. Reference: the cat sat down.
    // Words: the (once of twice), cat, sat: 3/4. Pairs: the-cat, cat-sat of three: 2/3.
    GenerationMetrics metrics =
        GenerationMetrics.of(List.of("the the cat sat"), List.of("the cat sat down"));

    assertThat(metrics.bleu2()).isCloseTo(Math.sqrt(3.0 / 4 * 2 / 3), within(1e-12));
    // Triples: the-cat-sat of two: 1/2. Fours: none of one, smoothed to 1/2.
    assertThat(metrics.bleu4())
        .isCloseTo(Math.pow(3.0 / 4 * 2 / 3 * 1 / 2 * 1 / 2, 0.25), within(1e-12));
  }

  @Test
  void bleu_shorterThanReference_isPenalised() {
    // Both words and the pair match; 2 words for 4: e^(1 - 4/2).
    GenerationMetrics metrics = GenerationMetrics.of(List.of("a b"), List.of("a b c d"));

    assertThat(metrics.bleu2()).isCloseTo(Math.exp(-1), within(1e-12));
    assertThat(metrics.bleu4()).isZero(); // no reply has three words
  }

  @Test
  void of_emptyReplies_isZeroNotAnError() {
    GenerationMetrics metrics = GenerationMetrics.of(List.of("", " "), List.of("a", "b"));

    assertThat(metrics).isEqualTo(new GenerationMetrics(0, 0, 0, 0, 0, 0, 2));
  }

  @Test
  void of_differentCounts_isRefused() {
    assertThatThrownBy(() -> GenerationMetrics.of(List.of("a"), List.of()))
        .hasMessageContaining("1 replies and 0 references");
  }
}
