package dev.parley.server.engine;

import java.util.Optional;

/**
 * How the best of several replies is found. All begin with the same prompt, which is read once;
 * they are sampled side by side as rows of their own, and nothing is delivered before all have
 * ended.
 *
 * @param candidates how many replies are made; at least 1
 * @param scorer the judge; empty: the highest mean log-probability of a token wins (OpenAI's
 *     definition of best_of)
 */
public record BestOf(int candidates, Optional<CandidateScorer> scorer) {
  /** One reply, delivered while it comes. */
  public static final BestOf ONE = new BestOf(1, Optional.empty());

  /** 2^64 divided by the golden ratio: far from any step that seeds are usually chosen in. */
  private static final long SEED_STEP = 0x9E3779B97F4A7C15L;

  /**
   * The seed of a candidate: as a reply of its own with that seed it would be the same.
   *
   * @param index counted from 0; candidate 0 has the seed itself
   */
  public static long seed(long seed, int index) {
    return seed + index * SEED_STEP;
  }
}
