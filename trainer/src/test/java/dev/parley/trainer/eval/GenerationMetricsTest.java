package dev.parley.trainer.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against numbers that were computed by hand, and by NLTK. */
final class GenerationMetricsTest {
  private static final Offset<Double> TINY = within(1e-12);

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

  /** Against NLTK's numbers; the script that made them stands beside them. */
  @Test
  void of_randomReplies_areNistAndBleuOfNltk() throws IOException {
    JsonNode cases;
    try (InputStream json = getClass().getResourceAsStream("/golden/metrics.json")) {
      cases = JsonMapper.shared().readTree(json);
    }
    assertThat(cases).hasSize(3);
    for (JsonNode expected : cases) {
      GenerationMetrics metrics =
          GenerationMetrics.of(texts(expected.get("replies")), texts(expected.get("references")));

      String name = expected.get("name").asString();
      assertThat(metrics.nist2()).as(name).isCloseTo(expected.get("nist2").doubleValue(), TINY);
      assertThat(metrics.nist4()).as(name).isCloseTo(expected.get("nist4").doubleValue(), TINY);
      assertThat(metrics.bleu2()).as(name).isCloseTo(expected.get("bleu2").doubleValue(), TINY);
      assertThat(metrics.bleu4()).as(name).isCloseTo(expected.get("bleu4").doubleValue(), TINY);
    }
  }

  private static List<String> texts(JsonNode array) {
    return array.valueStream().map(JsonNode::asString).toList();
  }

  @Test
  void nist_byHand_isInformationOfMatchesAndPenaltyForBrevity() {
    // References: a b a c. Words: 4, a twice. a tells 1 bit, b and c two; "a b" one more than b.
    GenerationMetrics metrics = GenerationMetrics.of(List.of("a b d"), List.of("a b a c"));

    double penalty = Math.exp(Math.log(0.5) * Math.pow(Math.log(0.75) / Math.log(1.5), 2));
    assertThat(metrics.nist2()).isCloseTo(((1 + 2) / 3.0 + 1 / 2.0) * penalty, TINY);
    assertThat(GenerationMetrics.of(List.of("x"), List.of("a b")).nist4()).isZero();
  }

  @Test
  void of_emptyReplies_isZeroNotAnError() {
    GenerationMetrics metrics = GenerationMetrics.of(List.of("", " "), List.of("a", "b"));

    assertThat(metrics).isEqualTo(new GenerationMetrics(0, 0, 0, 0, 0, 0, 0, 0, 2));
  }

  @Test
  void of_differentCounts_isRefused() {
    assertThatThrownBy(() -> GenerationMetrics.of(List.of("a"), List.of()))
        .hasMessageContaining("1 replies and 0 references");
  }
}
