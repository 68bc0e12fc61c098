package dev.parley.trainer.eval;

import dev.parley.model.gpt2.Gpt2Decoder;
import java.util.Arrays;
import java.util.List;

/**
 * How many greedy replies to openings a precision changes.
 *
 * @param openings first turns that were answered
 * @param alone share of the replies that are not those of the other precision, each made by itself
 * @param amongOthers the same, each made among 31 others
 * @param byOthers share of the replies that the 31 others change
 */
public record ChangedReplies(int openings, double alone, double amongOthers, double byOthers) {
  private static final int OTHERS = 31;

  /**
   * Answers openings with both.
   *
   * @param against whose replies are the right ones
   * @param openings tokens of first turns, at least one
   */
  static ChangedReplies of(Gpt2Decoder decoder, Gpt2Decoder against, List<int[]> openings) {
    List<int[]> right = Replies.greedy(against, openings, OTHERS + 1);
    List<int[]> alone = Replies.greedy(decoder, openings, 1);
    List<int[]> among = Replies.greedy(decoder, openings, OTHERS + 1);
    return new ChangedReplies(
        openings.size(), share(right, alone), share(right, among), share(alone, among));
  }

  private static double share(List<int[]> these, List<int[]> those) {
    int changed = 0;
    for (int i = 0; i < these.size(); i++) {
      changed += Arrays.equals(these.get(i), those.get(i)) ? 0 : 1;
    }
    return (double) changed / these.size();
  }
}
