package dev.parley.trainer.data;

/** Which turns of a dialogue are learned. A turn's end is learned with the turn; padding never. */
public enum LabelPolicy {
  /** Every turn. The very first token has nothing to its left and cannot be learned. */
  ALL,
  /** Every turn but the first, as DialoGPT was trained. */
  REPLIES,
  /** The turns whose role is {@link Turn#ASSISTANT}. */
  ASSISTANT,
  /** The last turn. */
  LAST;

  /** Which turns of a dialogue are learned; a turn's own {@link Turn#train} wins. */
  boolean[] learned(Dialogue dialogue) {
    int count = dialogue.turns().size();
    boolean[] learned = new boolean[count];
    for (int i = 0; i < count; i++) {
      Turn turn = dialogue.turns().get(i);
      boolean byPolicy =
          switch (this) {
            case ALL -> true;
            case REPLIES -> i > 0;
            case ASSISTANT -> turn.role().equals(Turn.ASSISTANT);
            case LAST -> i == count - 1;
          };
      learned[i] = turn.train().orElse(byPolicy);
    }
    return learned;
  }
}
