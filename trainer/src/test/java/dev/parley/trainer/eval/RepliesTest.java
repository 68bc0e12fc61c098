package dev.parley.trainer.eval;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RepliesTest {
  /** Wide initial weights, so that replies differ and some of them end. */
  private static final Gpt2Config SHAPE = new Gpt2Config(20, 40, 16, 2, 2, 1e-5, 0.8, 0, 19);

  @Test
  void greedy_severalHistories_areThoseOfTheWholeSequenceAgainAtEachToken() {
    List<int[]> histories =
        List.of(new int[] {1, 19}, new int[] {2, 3, 4, 19}, new int[] {5, 19, 6, 7, 19}, long42());
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Weights.random(SHAPE, 3, scope)) {
      List<int[]> replies = Replies.greedy(weights, histories);

      assertThat(replies).hasSize(4);
      try (Gpt2Decoder oracle = Gpt2Decoder.load(weights, Precision.REFERENCE)) {
        for (int i = 0; i < histories.size(); i++) {
          assertThat(replies.get(i)).as("history %d", i).isEqualTo(slow(oracle, histories.get(i)));
        }
      }
      assertThat(replies.stream().map(Arrays::toString).distinct()).hasSizeGreaterThan(1);
    }
  }

  /** Longer than the context: its beginning is lost. */
  private static int[] long42() {
    int[] history = new int[42];
    Arrays.setAll(history, i -> i % 18);
    return history;
  }

  private static int[] slow(Gpt2Decoder oracle, int[] history) {
    int[] tokens = Arrays.copyOfRange(history, Math.max(0, history.length - 40), history.length);
    int start = tokens.length;
    while (true) {
      float[][] logits = oracle.logits(tokens);
      float[] last = logits[logits.length - 1];
      int best = 0;
      for (int i = 1; i < last.length; i++) {
        best = last[i] > last[best] ? i : best;
      }
      if (best == SHAPE.endOfText()) {
        return Arrays.copyOfRange(tokens, start, tokens.length);
      }
      tokens = Arrays.copyOf(tokens, tokens.length + 1);
      tokens[tokens.length - 1] = best;
      if (tokens.length > 40) {
        return Arrays.copyOfRange(tokens, start, tokens.length);
      }
    }
  }
}
