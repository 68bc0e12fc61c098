package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class PaddedTest {
  @Test
  void encode_shortDialogue_labelsEveryTokenAndThePaddingToo() {
    Sequence sequence = padded(7);

    assertThat(sequence.ids()).containsExactly('a', 9, 'b', 9, 9, 9);
    assertThat(sequence.labels()).containsExactly(9, 'b', 9, 9, 9, 9);
    assertThat(sequence.shortened()).isFalse();
  }

  @Test
  void encode_longDialogue_losesItsRightEnd() {
    assertThat(padded(3).ids()).containsExactly('a', 9);
    assertThat(padded(3).labels()).containsExactly(9, 'b');
    assertThat(padded(3).shortened()).isTrue();
    assertThat(padded(4).shortened()).isFalse();
  }

  private static Sequence padded(int length) {
    Dialogue dialogue = new Dialogue(List.of(Turn.of("user", "a"), Turn.of("assistant", "b")));
    return Sequences.encode(
            List.of(dialogue), text -> new int[] {text.charAt(0), 9}, LabelPolicy.PADDED, length)
        .list()
        .get(0);
  }
}
