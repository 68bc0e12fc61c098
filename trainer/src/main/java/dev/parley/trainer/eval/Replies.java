package dev.parley.trainer.eval;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.KeyValueCache;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.gpt2.StepLogits;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * The greedy replies of a model, as serving would give them: the same decoder in the same
 * precision, at each step the most probable token, until the end of text, {@value #MAX_NEW_TOKENS}
 * tokens or a full context.
 */
public final class Replies {
  /** As GenerationParameters.max_new_tokens is by default. */
  private static final int MAX_NEW_TOKENS = 128;

  private static final int ROWS_AT_ONCE = 32;

  private Replies() {}

  /**
   * Answers histories in fp32.
   *
   * @param weights as they stand; stay the caller's
   * @param histories turns joined as the model learned them; one that is longer than the context
   *     loses its beginning
   * @return the tokens of each reply, without the end of text
   */
  public static List<int[]> greedy(Gpt2Weights weights, List<int[]> histories) {
    try (Gpt2Decoder decoder = Gpt2Decoder.load(weights, Precision.FP32)) {
      return greedy(decoder, histories, ROWS_AT_ONCE);
    }
  }

  /**
   * As above, with a decoder that stays the caller's.
   *
   * @param rowsAtOnce replies that are made in one step; where one ends, the next begins
   */
  static List<int[]> greedy(Gpt2Decoder decoder, List<int[]> histories, int rowsAtOnce) {
    List<Reply> replies = new ArrayList<>();
    List<Reply> running = new ArrayList<>();
    try {
      histories.forEach(history -> replies.add(new Reply(decoder, history)));
      Deque<Reply> waiting = new ArrayDeque<>(replies);
      while (!waiting.isEmpty() || !running.isEmpty()) {
        while (running.size() < rowsAtOnce && !waiting.isEmpty()) {
          running.add(waiting.remove());
        }
        try (StepLogits logits = decoder.step(running.stream().map(Reply::row).toList())) {
          for (int i = 0; i < running.size(); i++) {
            running.get(i).add(logits.row(i).get(0).best());
          }
        }
        running.removeIf(reply -> reply.ended);
      }
      return replies.stream().map(Reply::tokens).toList();
    } finally {
      replies.forEach(reply -> reply.cache.close());
    }
  }

  /** One reply in the making. */
  private static final class Reply {
    final KeyValueCache cache;
    private final int endOfText;
    private final int contextLength;
    private int[] pending;
    private int[] tokens = new int[0];
    boolean ended;

    Reply(Gpt2Decoder decoder, int[] history) {
      this.cache = decoder.newCache();
      this.endOfText = decoder.config().endOfText();
      this.contextLength = decoder.config().contextLength();
      int kept = Math.min(history.length, contextLength);
      this.pending = Arrays.copyOfRange(history, history.length - kept, history.length);
    }

    Gpt2Decoder.Row row() {
      return new Gpt2Decoder.Row(cache, pending, true);
    }

    void add(int token) {
      if (token != endOfText) {
        tokens = Arrays.copyOf(tokens, tokens.length + 1);
        tokens[tokens.length - 1] = token;
        pending = new int[] {token};
      }
      ended =
          token == endOfText || tokens.length == MAX_NEW_TOKENS || cache.length() == contextLength;
      if (ended) {
        cache.close();
      }
    }

    int[] tokens() {
      return tokens;
    }
  }
}
