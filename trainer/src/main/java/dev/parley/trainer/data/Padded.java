package dev.parley.trainer.data;

import java.util.Arrays;

/**
 * Dialogues as the walk-through that the preset `seed` stands for labels them: all turns in one
 * sequence, cut off on the right at a fixed length, padded to it with the end of text, and every
 * token a label, padding too. The loss over them is mostly that of guessing padding; it is there to
 * be compared with other people's figures.
 */
final class Padded {
  private Padded() {}

  /**
   * A dialogue in one sequence.
   *
   * @param turns the tokens of each, the end of text last; at least one
   * @param length in tokens, the last label included
   */
  static Sequence sequence(int[][] turns, int length) {
    int[] tokens = new int[length];
    Arrays.fill(tokens, turns[0][turns[0].length - 1]);
    int at = 0;
    boolean shortened = false;
    for (int[] turn : turns) {
      int fitting = Math.min(turn.length, length - at);
      System.arraycopy(turn, 0, tokens, at, fitting);
      at += fitting;
      shortened |= fitting < turn.length;
    }
    return new Sequence(
        Arrays.copyOf(tokens, length - 1), Arrays.copyOfRange(tokens, 1, length), shortened);
  }
}
