package dev.parley.trainer.data;

import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a dialogue into sequences of at most a maximum length so that every learned turn is learned
 * exactly once, whole, and with what was said before it.
 *
 * <p>A dialogue that fits is one sequence. A longer one gives several: each begins with the last
 * whole turns that fill half of the length (as a served conversation keeps about half of its
 * history when its context is full), then come new turns as long as they fit. Where even one turn
 * of context is too much, its beginning is cut off. A turn is cut only if it is longer than the
 * maximum length all by itself: then its end is lost, and counted.
 */
final class Windows {
  private final int[][] turns;
  private final boolean[] learned;
  private final int capacity;
  private final List<Sequence> sequences = new ArrayList<>();
  private int cutTurns;

  /**
   * A dialogue to cut.
   *
   * @param turns the tokens of each, its end included
   * @param maxLength of {@link Sequence#ids}
   */
  Windows(int[][] turns, boolean[] learned, int maxLength) {
    this.turns = turns;
    this.learned = learned;
    this.capacity = maxLength + 1; // the last token is a label only
    int next = 0;
    while (next < turns.length) {
      next = window(next);
    }
  }

  /** Sequences with something to learn in them, in the order of the dialogue. */
  List<Sequence> sequences() {
    return sequences;
  }

  /** Learned turns whose end was lost. */
  int cutTurns() {
    return cutTurns;
  }

  /** Learns the turns from `next` on that fit, and returns the first that did not. */
  private int window(int next) {
    int from = next;
    int context = 0;
    while (from > 0
        && context + turns[from - 1].length + turns[next].length <= capacity
        && (from == next || context + turns[from - 1].length <= capacity / 2)) {
      from--;
      context += turns[from].length;
    }
    int cutContext = 0; // tokens kept of a turn that does not fit whole
    if (from == next && next > 0) {
      cutContext = Math.max(1, Math.min(capacity - turns[next].length, turns[next - 1].length));
      context = cutContext;
    }
    int end = next;
    int total = context;
    while (end < turns.length && total + turns[end].length <= capacity) {
      total += turns[end].length;
      end++;
    }
    boolean tooLong = end == next;
    if (tooLong && !learned[next]) {
      return next + 1; // it will be the context of the next one, cut from the left
    }
    if (tooLong) {
      total = capacity;
      end++;
      cutTurns++;
    }
    int[] tokens = new int[total];
    boolean[] target = new boolean[total];
    int at = 0;
    if (cutContext > 0) {
      int[] turn = turns[next - 1];
      System.arraycopy(turn, turn.length - cutContext, tokens, 0, cutContext);
      at = cutContext;
    }
    for (int turn = from; turn < end; turn++) {
      int length = Math.min(turns[turn].length, total - at);
      System.arraycopy(turns[turn], 0, tokens, at, length);
      for (int i = at; i < at + length; i++) {
        target[i] = turn >= next && learned[turn];
      }
      at += length;
    }
    add(tokens, target, from > 0 || tooLong);
    return end;
  }

  private void add(int[] tokens, boolean[] target, boolean shortened) {
    int[] ids = new int[tokens.length - 1];
    int[] labels = new int[ids.length];
    boolean any = false;
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens[i];
      labels[i] = target[i + 1] ? tokens[i + 1] : Sequence.IGNORED;
      any |= target[i + 1];
    }
    if (any) {
      sequences.add(new Sequence(ids, labels, shortened));
    }
  }
}
