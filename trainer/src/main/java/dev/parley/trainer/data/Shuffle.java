package dev.parley.trainer.data;

import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;

/** Orders that are a function of a seed. */
public final class Shuffle {
  private Shuffle() {}

  /** Brings a list into a random order (Fisher and Yates). */
  static void shuffle(List<?> list, RandomGenerator random) {
    for (int i = list.size() - 1; i > 0; i--) {
      Collections.swap(list, i, random.nextInt(i + 1));
    }
  }

  /**
   * A seed made of several numbers, so that what is random in one place is a function of where it
   * is and of nothing that ran before. Each number is mixed in by SplitMix64's finalizer.
   */
  public static long mix(long... numbers) {
    long state = 0;
    for (long number : numbers) {
      state += number + 0x9e3779b97f4a7c15L;
      state = (state ^ (state >>> 30)) * 0xbf58476d1ce4e5b9L;
      state = (state ^ (state >>> 27)) * 0x94d049bb133111ebL;
      state ^= state >>> 31;
    }
    return state;
  }
}
