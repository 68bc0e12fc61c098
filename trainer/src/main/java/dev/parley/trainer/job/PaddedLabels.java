package dev.parley.trainer.job;

import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.Sequence;
import dev.parley.trainer.data.Turn;
import dev.parley.trainer.eval.Codec;
import java.util.Arrays;
import java.util.List;

/**
 * Dialogues as the walk-through that the preset `seed` stands for labels them: all turns in one
 * sequence, cut off on the right at a fixed length, padded to it with the end of text, and every
 * token a label, padding too. The loss over them is mostly that of guessing padding; it is there to
 * be compared with other people's figures, not to be trained on.
 */
final class PaddedLabels {
  private PaddedLabels() {}

  static List<Sequence> of(List<Dialogue> dialogues, Codec codec, int length, int endOfText) {
    return dialogues.stream().map(dialogue -> of(dialogue, codec, length, endOfText)).toList();
  }

  private static Sequence of(Dialogue dialogue, Codec codec, int length, int endOfText) {
    int[] tokens = new int[length];
    Arrays.fill(tokens, endOfText);
    int at = 0;
    for (Turn turn : dialogue.turns()) {
      int[] ids = codec.encodeTurn().apply(turn.text());
      int fitting = Math.min(ids.length, length - at);
      System.arraycopy(ids, 0, tokens, at, fitting);
      at += fitting;
    }
    return new Sequence(
        Arrays.copyOf(tokens, length - 1), Arrays.copyOfRange(tokens, 1, length), at == length);
  }
}
