package dev.parley.trainer.data;

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
  /**
   * Encodes dialogues.
   *
   * @param encoder the tokens of a turn's text and the end of text after them
   * @param maxLength of a sequence, in tokens
   * @throws IllegalArgumentException if nothing in them is learned
   */
  public static Sequences encode(
      List<Dialogue> dialogues,
      Function<String, int[]> encoder,
      LabelPolicy policy,
      int maxLength) {
    List<Sequence> sequences = new ArrayList<>();
    int cutTurns = 0;
    for (Dialogue dialogue : dialogues) {
      int[][] turns = new int[dialogue.turns().size()][];
      for (int i = 0; i < turns.length; i++) {
        turns[i] = encoder.apply(dialogue.turns().get(i).text());
      }
      Windows windows = new Windows(turns, policy.learned(dialogue), maxLength);
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
