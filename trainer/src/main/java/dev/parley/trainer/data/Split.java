package dev.parley.trainer.data;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Dialogues to learn from, and dialogues that are held out. The cut runs between dialogues, never
 * inside one; dialogues that are equal word for word stay on one side.
 */
public record Split(List<Dialogue> training, List<Dialogue> evaluation) {
  /**
   * Holds a share of the dialogues out. The same dialogues, share and seed give the same split.
   *
   * @param share in (0, 1); at least one dialogue is held out and at least one is not
   * @throws IllegalArgumentException if all dialogues are equal, so that nothing can be held out
   */
  public static Split of(List<Dialogue> dialogues, double share, long seed) {
    Map<ByteBuffer, List<Integer>> equal = new LinkedHashMap<>();
    for (int i = 0; i < dialogues.size(); i++) {
      ByteBuffer digest = ByteBuffer.wrap(dialogues.get(i).digest());
      equal.computeIfAbsent(digest, unused -> new ArrayList<>()).add(i);
    }
    if (equal.size() < 2) {
      throw new IllegalArgumentException(
          "%d dialogues, all of them equal, cannot be split; give evaluation data of its own, or evaluation_share 0"
              .formatted(dialogues.size()));
    }
    List<List<Integer>> groups = new ArrayList<>(equal.values());
    Shuffle.shuffle(groups, new SplittableRandom(Shuffle.mix(seed, 0x5711)));
    long wanted = Math.max(1, Math.round(share * dialogues.size()));
    boolean[] heldOut = new boolean[dialogues.size()];
    long count = 0;
    int taken = 0;
    for (List<Integer> group : groups) {
      if (count + group.size() <= wanted && taken < groups.size() - 1) {
        group.forEach(i -> heldOut[i] = true);
        count += group.size();
        taken++;
      }
    }
    if (taken == 0) { // every group is larger than the share: the smallest, then
      groups.stream()
          .min(Comparator.comparingInt(List::size))
          .ifPresent(group -> group.forEach(i -> heldOut[i] = true));
    }
    List<Dialogue> training = new ArrayList<>();
    List<Dialogue> evaluation = new ArrayList<>();
    for (int i = 0; i < dialogues.size(); i++) {
      (heldOut[i] ? evaluation : training).add(dialogues.get(i));
    }
    return new Split(training, evaluation);
  }
}
