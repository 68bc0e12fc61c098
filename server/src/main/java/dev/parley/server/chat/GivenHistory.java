package dev.parley.server.chat;

import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.v1.HistoryTurn;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * The tokens of the turns that a setup brings along: the last ones, until they exceed the context.
 * What stands before them could not be seen by the model in any case, so it is not even tokenized:
 * a setup costs no more than a full context.
 */
final class GivenHistory {
  private GivenHistory() {}

  /**
   * Tokens, as {@link DialogueEncoder#turns} gives them.
   *
   * @param turns oldest first
   * @param contextLength in tokens
   */
  static int[] tokens(List<HistoryTurn> turns, Tokenizer tokenizer, int contextLength) {
    DialogueEncoder encoder = new DialogueEncoder(tokenizer);
    Deque<int[]> kept = new ArrayDeque<>();
    int tokens = 0;
    for (int i = turns.size() - 1; i >= 0 && tokens <= contextLength; i--) {
      String text = turns.get(i).getText();
      if (neverFits(text, tokenizer, contextLength)) {
        break;
      }
      int[] turn = encoder.turn(text);
      kept.addFirst(turn);
      tokens += turn.length;
    }
    return kept.stream().flatMapToInt(Arrays::stream).toArray();
  }

  /** Whether a text has more tokens than a context, as its length alone tells. */
  static boolean neverFits(String text, Tokenizer tokenizer, int contextLength) {
    return text.length() > (long) contextLength * tokenizer.longestToken();
  }
}
