package dev.parley.model.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * What a backward model reads to say how well hypotheses explain what was said before them:
 * DialoGPT's maximum mutual information scoring (Zhang et al. 2020, section 3.2), which maximises
 * P(source | hypothesis).
 *
 * <p>The source is the history with the message that is answered, as turns in reversed order:
 * {@code hypothesis EOS latest turn EOS turn before EOS …}, as the training data of the backward
 * model are reversed ({@code prepro.py --reverse} of microsoft/DialoGPT). It is the same for all
 * hypotheses: as many of the latest turns as fit whole into {@value #SOURCE_TOKENS} tokens, the
 * longest sequence that DialoGPT was trained on, and the latest one in any case.
 *
 * @param sequences one for each hypothesis: the tokens to read
 * @param from for each, the index of the first token of the source
 * @param sourceTokens tokens of the source, the ends of its turns included
 */
public record BackwardOrder(List<int[]> sequences, List<Integer> from, int sourceTokens) {
  private static final int SOURCE_TOKENS = 128;

  /**
   * Orders a prompt and its possible replies.
   *
   * @param prompt turns, each with its end; at least one
   * @param hypotheses without their ends
   * @param contextLength of the backward model: the end of a longer source and the beginning of a
   *     longer hypothesis are left out
   */
  public static BackwardOrder of(
      int[] prompt, List<int[]> hypotheses, int endOfText, int contextLength) {
    int longest = hypotheses.stream().mapToInt(hypothesis -> hypothesis.length).max().orElse(0);
    int hypothesisRoom = Math.min(longest + 1, contextLength / 2);
    int[] all = source(prompt, endOfText);
    int[] source = Arrays.copyOf(all, Math.min(all.length, contextLength - hypothesisRoom));
    List<int[]> sequences = new ArrayList<>();
    List<Integer> from = new ArrayList<>();
    for (int[] hypothesis : hypotheses) {
      int kept = Math.min(hypothesis.length, contextLength - source.length - 1);
      int[] sequence = new int[kept + 1 + source.length];
      System.arraycopy(hypothesis, hypothesis.length - kept, sequence, 0, kept);
      sequence[kept] = endOfText;
      System.arraycopy(source, 0, sequence, kept + 1, source.length);
      sequences.add(sequence);
      from.add(kept + 1);
    }
    return new BackwardOrder(List.copyOf(sequences), List.copyOf(from), source.length);
  }

  private static int[] source(int[] prompt, int endOfText) {
    List<int[]> turns = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < prompt.length; i++) {
      if (prompt[i] == endOfText) {
        turns.add(Arrays.copyOfRange(prompt, start, i + 1));
        start = i + 1;
      }
    }
    Collections.reverse(turns);
    int[] source = turns.get(0);
    for (int[] turn : turns.subList(1, turns.size())) {
      int length = source.length;
      if (length + turn.length > SOURCE_TOKENS) {
        break;
      }
      source = Arrays.copyOf(source, length + turn.length);
      System.arraycopy(turn, 0, source, length, turn.length);
    }
    return source;
  }
}
