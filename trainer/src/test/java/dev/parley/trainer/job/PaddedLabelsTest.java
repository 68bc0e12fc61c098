package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.Sequence;
import dev.parley.trainer.data.Turn;
import dev.parley.trainer.eval.Codec;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PaddedLabelsTest {
  private static final Codec CODEC = new Codec(text -> new int[] {text.charAt(0), 9}, tokens -> "");

  @Test
  void of_shortDialogue_labelsEveryTokenAndThePaddingToo() {
    Sequence sequence = padded(7);

    assertThat(sequence.ids()).containsExactly('a', 9, 'b', 9, 9, 9);
    assertThat(sequence.labels()).containsExactly(9, 'b', 9, 9, 9, 9);
    assertThat(sequence.targets()).isEqualTo(6);
  }

  @Test
  void of_longDialogue_losesItsRightEnd() {
    assertThat(padded(3).ids()).containsExactly('a', 9);
    assertThat(padded(3).labels()).containsExactly(9, 'b');
  }

  private static Sequence padded(int length) {
    Dialogue dialogue = new Dialogue(List.of(Turn.of("user", "a"), Turn.of("assistant", "b")));
    return PaddedLabels.of(List.of(dialogue), CODEC, length, 9).get(0);
  }
}
