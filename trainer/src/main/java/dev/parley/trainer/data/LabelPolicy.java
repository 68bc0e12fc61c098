package dev.parley.trainer.data;

import dev.parley.model.registry.Direction;
import java.util.List;

/**
 * Which turns of a dialogue are learned. A turn's end is learned with the turn; padding never, but
 * with {@link #PADDED}.
 *
 * <p>Forward, a policy names replies, which are learned given what was said before. Backward, the
 * same replies are given and their source is learned.
 */
public enum LabelPolicy {
  /** Every turn. The very first token has nothing to its left and cannot be learned. */
  ALL,
  /** Every turn but the first, as DialoGPT was trained. */
  REPLIES,
  /** The turns whose role is {@link Turn#ASSISTANT}. */
  ASSISTANT,
  /** The last turn. */
  LAST,
  /** Every token and the padding after it, to compare with figures of others: {@link Padded}. */
  PADDED;

  /**
   * Which turns of a dialogue are learned; a turn's own {@link Turn#train} wins.
   *
   * @param turns in the order in which they are read
   */
  boolean[] learned(List<Turn> turns, Direction direction) {
    boolean forward = direction == Direction.FORWARD;
    int count = turns.size();
    boolean[] learned = new boolean[count];
    for (int i = 0; i < count; i++) {
      Turn turn = turns.get(i);
      boolean byPolicy =
          switch (this) {
            case ALL, PADDED -> true;
            case REPLIES -> i > 0;
            case ASSISTANT ->
                forward
                    ? turn.role().equals(Turn.ASSISTANT)
                    : i > 0 && turns.get(i - 1).role().equals(Turn.ASSISTANT);
            case LAST -> forward ? i == count - 1 : i > 0;
          };
      learned[i] = turn.train().orElse(byPolicy);
    }
    return learned;
  }
}
