package dev.parley.trainer.data;

import dev.parley.model.registry.Direction;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Dialogues as the model takes them in.
 *
 * @param list the sequences, in the order of the dialogues
 * @param dialogues how many dialogues they were made from
 * @param cutTurns learned turns that are longer than the maximum length by themselves and lost
 *     their end
 */
public record Sequences(List<Sequence> list, int dialogues, int cutTurns) {
  /** Encodes dialogues as they are read forward. */
  public static Sequences encode(
      List<Dialogue> dialogues,
      Function<String, int[]> encoder,
      LabelPolicy policy,
      int maxLength) {
    return encode(dialogues, encoder, policy, Direction.FORWARD, maxLength);
  }

  /**
   * Encodes dialogues.
   *
   * @param encoder the tokens of a turn's text and the end of text after them
   * @param direction in which order the turns of a dialogue are read; backward as DialoGPT's {@code
   *     prepro.py --reverse}
   * @param maxLength of a sequence, in tokens; with {@link LabelPolicy#PADDED} of every sequence,
   *     its last label included
   * @throws IllegalArgumentException if nothing in them is learned
   */
  public static Sequences encode(
      List<Dialogue> dialogues,
      Function<String, int[]> encoder,
      LabelPolicy policy,
      Direction direction,
      int maxLength) {
    List<Sequence> sequences = new ArrayList<>();
    int cutTurns = 0;
    for (Dialogue dialogue : dialogues) {
      List<Turn> read = dialogue.turns(direction);
      int[][] turns = read.stream().map(Turn::text).map(encoder).toArray(int[][]::new);
      if (policy == LabelPolicy.PADDED) {
        sequences.add(Padded.sequence(turns, maxLength));
        continue;
      }
      Windows windows = new Windows(turns, policy.learned(read, direction), maxLength);
      sequences.addAll(windows.sequences());
      cutTurns += windows.cutTurns();
    }
    if (sequences.isEmpty()) {
      throw new IllegalArgumentException(
          "no token of %d dialogues is learned with the label policy %s; choose another policy, or check roles and train flags"
              .formatted(dialogues.size(), policy));
    }
    return new Sequences(List.copyOf(sequences), dialogues.size(), cutTurns);
  }

  /** Tokens that are fed. */
  public long tokens() {
    return list.stream().mapToLong(sequence -> sequence.ids().length).sum();
  }

  /** Tokens that are learned. */
  public long targets() {
    return list.stream().mapToLong(Sequence::targets).sum();
  }

  /** Learned tokens of all tokens. */
  public double targetShare() {
    return (double) targets() / tokens();
  }

  /** Shortened sequences of all sequences. */
  public double shortenedShare() {
    return (double) list.stream().filter(Sequence::shortened).count() / list.size();
  }
}
