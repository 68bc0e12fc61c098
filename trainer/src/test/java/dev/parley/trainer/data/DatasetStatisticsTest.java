package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class DatasetStatisticsTest {
  /** A word is a token; one more ends the turn. */
  private static int[] words(String text) {
    return new int[text.split(" ", -1).length + 1];
  }

  private static DatasetStatistics of(List<Dialogue> dialogues, int maxLength, int batchSize) {
    return DatasetStatistics.of(
        dialogues,
        DatasetStatisticsTest::words,
        new DatasetStatistics.Options(LabelPolicy.REPLIES, maxLength, batchSize, 1));
  }

  @Test
  void of_smallSet_countsEverything() {
    Dialogue once = new Dialogue(List.of(Turn.of("user", "a b c"), Turn.of("assistant", "yes")));
    Dialogue other =
        new Dialogue(
            List.of(
                Turn.of("user", "yes"),
                new Turn("assistant", "d e", Optional.of(false)),
                Turn.of("user", "f")));

    DatasetStatistics statistics = of(List.of(once, other, once), 16, 2);

    assertThat(statistics.dialogues()).isEqualTo(3);
    assertThat(statistics.turns()).isEqualTo(7);
    assertThat(statistics.turnsByRole()).isEqualTo(Map.of("user", 4L, "assistant", 3L));
    assertThat(statistics.flaggedTurns()).isEqualTo(1);
    assertThat(statistics.tokens()).isEqualTo(6 + 7 + 6);
    assertThat(statistics.tokensPerDialogue())
        .isEqualTo(new DatasetStatistics.Distribution(6, 19 / 3.0, 6, 7, 7, 7, 7));
    assertThat(statistics.turnsPerDialogue().greatest()).isEqualTo(3);
    assertThat(statistics.duplicateDialogues()).isEqualTo(1);
    assertThat(statistics.repeatedTurns()).isEqualTo(3); // yes, yes, a b c
    assertThat(statistics.frequentTurns())
        .containsExactly(
            new DatasetStatistics.Frequent("yes", 3), new DatasetStatistics.Frequent("a b c", 2));
    // Learned: "yes" and its end twice, "f" and its end, of the 5 + 6 + 5 tokens that are fed.
    assertThat(statistics.packed().targetShare()).isEqualTo(6 / 16.0);
    assertThat(statistics.packed().fixedPadding()).isEqualTo(1 - 16 / 48.0);
    assertThat(statistics.packed().shortenedShare()).isZero();
  }

  @Test
  void of_lengthsOfAllKinds_bucketingWastesLeastAndAFixedLengthMost() {
    SplittableRandom random = new SplittableRandom(7);
    List<Dialogue> dialogues = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      String text = "w ".repeat(1 + random.nextInt(50)) + i;
      dialogues.add(new Dialogue(List.of(Turn.of("user", "q"), Turn.of("assistant", text))));
    }

    DatasetStatistics.Packed packed = of(dialogues, 64, 16).packed();

    assertThat(packed.bucketedPadding()).isPositive().isLessThan(0.05);
    assertThat(packed.shuffledPadding()).isBetween(0.3, 0.6);
    assertThat(packed.fixedPadding()).isGreaterThan(packed.shuffledPadding());
  }

  @Test
  void of_longTurns_reportsWhatIsShortened() {
    Dialogue longReply =
        new Dialogue(List.of(Turn.of("user", "q"), Turn.of("assistant", "w ".repeat(30) + "x")));
    Dialogue fits = new Dialogue(List.of(Turn.of("user", "q"), Turn.of("assistant", "x")));

    DatasetStatistics.Packed packed = of(List.of(longReply, fits), 16, 2).packed();

    assertThat(packed.cutTurns()).isEqualTo(1);
    assertThat(packed.shortenedShare()).isCloseTo(0.5, within(1e-9));
  }
}
