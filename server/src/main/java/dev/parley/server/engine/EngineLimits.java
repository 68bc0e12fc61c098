package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Config;

/**
 * How much an engine takes on.
 *
 * @param stepTokens the token budget of one step, prefill and decoding together; more than {@code
 *     stepRows}, so that running replies leave room for prefill
 * @param stepRows conversations in one step
 * @param kvCapacityTokens tokens for whose keys and values memory may be held at once, over all
 *     conversations; at least one full context
 * @param conversations open conversations
 * @param waitingTurns turns that have not ended, over all conversations
 * @param turnsPerConversation turns of one conversation that have not ended
 * @param sharePrefixes whether a turn may take over what another conversation has cached of its
 *     beginning; the caches of closed conversations are kept for that, as long as there is room
 * @param guessingTokens a step with fewer tokens than this is filled up with guesses of the next
 *     ones, see {@link dev.parley.model.gpt2.Precision#nearlyFreeTokens}; 0 or 1 for no guesses
 */
public record EngineLimits(
    int stepTokens,
    int stepRows,
    int kvCapacityTokens,
    int conversations,
    int waitingTurns,
    int turnsPerConversation,
    boolean sharePrefixes,
    int guessingTokens) {

  /**
   * Long enough to use the arithmetic of a core well, short enough that a running reply does not
   * stutter while a long prompt is read.
   */
  private static final int DEFAULT_STEP_TOKENS = 512;

  /** Beyond this many rows a step on a CPU grows in proportion: waiting costs the same. */
  private static final int DEFAULT_STEP_ROWS = 64;

  /** Checks that the numbers fit together. */
  public EngineLimits {
    require(stepRows >= 1, "stepRows", stepRows, "at least 1");
    require(stepTokens > stepRows, "stepTokens", stepTokens, "above stepRows = " + stepRows);
    require(kvCapacityTokens >= 1, "kvCapacityTokens", kvCapacityTokens, "at least 1");
    require(conversations >= 1, "conversations", conversations, "at least 1");
    require(waitingTurns >= 1, "waitingTurns", waitingTurns, "at least 1");
    require(turnsPerConversation >= 1, "turnsPerConversation", turnsPerConversation, "at least 1");
    require(guessingTokens >= 0, "guessingTokens", guessingTokens, "at least 0");
  }

  /** With shared beginnings, which cost nothing where there are none; without guesses. */
  public EngineLimits(
      int stepTokens,
      int stepRows,
      int kvCapacityTokens,
      int conversations,
      int waitingTurns,
      int turnsPerConversation) {
    this(
        stepTokens,
        stepRows,
        kvCapacityTokens,
        conversations,
        waitingTurns,
        turnsPerConversation,
        true,
        0);
  }

  /**
   * The usual limits for a model.
   *
   * @param bytesPerToken of its keys and values: see {@code Precision.cacheBytesPerToken}
   * @param kvBytes native memory for keys and values; raised to one full context where it is less
   */
  public static EngineLimits of(Gpt2Config config, long bytesPerToken, long kvBytes) {
    long tokens = kvBytes / bytesPerToken;
    int capacity = (int) Math.min(Integer.MAX_VALUE, Math.max(config.contextLength(), tokens));
    return of(capacity);
  }

  /** The usual limits. */
  public static EngineLimits of(int kvCapacityTokens) {
    return new EngineLimits(
        DEFAULT_STEP_TOKENS, DEFAULT_STEP_ROWS, kvCapacityTokens, 1_024, 2_048, 16);
  }

  private static void require(boolean holds, String name, int value, String limit) {
    if (!holds) {
      throw new IllegalArgumentException("%s is %d, but must be %s".formatted(name, value, limit));
    }
  }
}
