package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class SplitTest {
  @Test
  void of_fifthOfHundred_holdsOutTwentyAndKeepsTheOrder() {
    List<Dialogue> dialogues = dialogues(100, 100);

    Split split = Split.of(dialogues, 0.2, 42);

    assertThat(split.evaluation()).hasSize(20);
    assertThat(split.training())
        .hasSize(80)
        .isSubsetOf(dialogues)
        .isSortedAccordingTo(java.util.Comparator.comparingInt(dialogues::indexOf));
    assertThat(split.training()).doesNotContainAnyElementsOf(split.evaluation());
  }

  @Test
  void of_sameSeed_isTheSameSplitAndAnotherSeedAnother() {
    List<Dialogue> dialogues = dialogues(100, 100);

    assertThat(Split.of(dialogues, 0.2, 1)).isEqualTo(Split.of(dialogues, 0.2, 1));
    assertThat(Split.of(dialogues, 0.2, 2)).isNotEqualTo(Split.of(dialogues, 0.2, 1));
  }

  @Test
  void of_equalDialogues_stayOnOneSide() {
    List<Dialogue> dialogues = dialogues(300, 30); // each ten times

    Split split = Split.of(dialogues, 0.2, 3);

    Set<Dialogue> training = new HashSet<>(split.training());
    assertThat(split.evaluation()).hasSize(60);
    assertThat(split.evaluation()).noneMatch(training::contains);
  }

  @Test
  void of_twoDialogues_putsOneOnEachSide() {
    Split split = Split.of(dialogues(2, 2), 0.01, 1);

    assertThat(split.training()).hasSize(1);
    assertThat(split.evaluation()).hasSize(1);
  }

  @Test
  void of_oneDialogueManyTimes_isRefused() {
    assertThatThrownBy(() -> Split.of(dialogues(9, 1), 0.2, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("9 dialogues, all of them equal, cannot be split");
  }

  private static List<Dialogue> dialogues(int count, int different) {
    List<Dialogue> dialogues = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      dialogues.add(
          new Dialogue(List.of(Turn.of("user", "q" + i % different), Turn.of("assistant", "a"))));
    }
    return dialogues;
  }
}
