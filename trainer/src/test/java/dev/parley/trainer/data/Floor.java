package dev.parley.trainer.data;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The smallest loss that sequences allow. */
public final class Floor {
  private Floor() {}

  /**
   * The entropy of the learned tokens given all tokens before them, as these sequences have them: a
   * model that reaches it knows how often each token follows each beginning, and no model that sees
   * only what is to the left goes below.
   *
   * @return nats a learned token
   */
  public static double of(List<Sequence> sequences) {
    Map<IntBuffer, Map<Integer, Integer>> following = new HashMap<>();
    for (Sequence sequence : sequences) {
      int[] labels = sequence.labels();
      for (int i = 0; i < labels.length; i++) {
        if (labels[i] != Sequence.IGNORED) {
          IntBuffer beginning = IntBuffer.wrap(Arrays.copyOf(sequence.ids(), i + 1));
          following
              .computeIfAbsent(beginning, unseen -> new HashMap<>())
              .merge(labels[i], 1, Integer::sum);
        }
      }
    }
    double nats = 0;
    long targets = 0;
    for (Map<Integer, Integer> counts : following.values()) {
      int all = counts.values().stream().mapToInt(Integer::intValue).sum();
      targets += all;
      for (int count : counts.values()) {
        nats -= count * Math.log((double) count / all);
      }
    }
    return nats / targets;
  }
}
