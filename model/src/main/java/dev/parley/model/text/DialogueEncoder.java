package dev.parley.model.text;

import java.util.Arrays;
import java.util.List;

/**
 * Dialogues as DialoGPT was trained on them: {@code tokens EOS tokens EOS …}, no roles, nothing
 * between. Thread-safe.
 */
public final class DialogueEncoder {
  private final Tokenizer tokenizer;

  /** An encoder that uses, and does not own, a tokenizer. */
  public DialogueEncoder(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /** A turn's tokens, and the end of text after them. */
  public int[] turn(String text) {
    int[] ids = tokenizer.encode(text);
    int[] turn = Arrays.copyOf(ids, ids.length + 1);
    turn[ids.length] = tokenizer.endOfText();
    return turn;
  }

  /** All turns in order, each as {@link #turn} gives it. */
  public int[] turns(List<String> texts) {
    return texts.stream().map(this::turn).flatMapToInt(Arrays::stream).toArray();
  }
}
