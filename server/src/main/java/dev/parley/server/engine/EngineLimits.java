package dev.parley.server.engine;

import ai.djl.Device;
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
 * @param waitingTurns turns that have not ended, over all conversations; those of a conversation
 *     whose reader takes no more do not count
 * @param turnsPerConversation turns of one conversation that have not ended
 * @param sharePrefixes whether a turn may take over what another conversation has cached of its
 *     beginning; the caches of closed conversations are kept for that, as long as there is room
 * @param guessingTokens a step with fewer tokens than this is filled up with guesses of the next
 *     ones, see {@link dev.parley.model.gpt2.Precision#nearlyFreeTokens}; 0 or 1 for no guesses
 * @param promptTokens the part of {@code stepTokens} that prompts get in a step in which replies go
 *     on
 */
public record EngineLimits(
    int stepTokens,
    int stepRows,
    int kvCapacityTokens,
    int conversations,
    int waitingTurns,
    int turnsPerConversation,
    boolean sharePrefixes,
    int guessingTokens,
    int promptTokens) {

  /**
   * Long enough to use the arithmetic of a core well, short enough that a running reply does not
   * stutter while a long prompt is read.
   */
  private static final int DEFAULT_STEP_TOKENS = 512;

  /**
   * A step grows with its rows from a few on, and what more of them answer in a second grows less:
   * of 345M in int8 a step takes 24 ms with one and 80 with 32; going on like this 136 with 64,
   * which answer a sixth more. Whoever waits for a seat gets his reply at the pace that the others
   * have.
   */
  private static final int CPU_STEP_ROWS = 32;

  /** Where reading the weights is what a step takes, rows are nearly free. */
  private static final int GPU_STEP_ROWS = 128;

  /** Such a token takes less than half of a row: a full step takes 1.3 to 1.4 times as long. */
  private static final int CPU_PROMPT_TOKENS = 32;

  /** Checks that the numbers fit together. */
  public EngineLimits {
    require(stepRows >= 1, "stepRows", stepRows, "at least 1");
    require(stepTokens > stepRows, "stepTokens", stepTokens, "above stepRows = " + stepRows);
    require(kvCapacityTokens >= 1, "kvCapacityTokens", kvCapacityTokens, "at least 1");
    require(conversations >= 1, "conversations", conversations, "at least 1");
    require(waitingTurns >= 1, "waitingTurns", waitingTurns, "at least 1");
    require(turnsPerConversation >= 1, "turnsPerConversation", turnsPerConversation, "at least 1");
    require(guessingTokens >= 0, "guessingTokens", guessingTokens, "at least 0");
    require(promptTokens >= 1, "promptTokens", promptTokens, "at least 1");
  }

  /**
   * With shared beginnings, which cost nothing where there are none; without guesses, and with
   * prompts that take all that replies leave.
   */
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
        0,
        stepTokens);
  }

  /** The same, but no turn takes over what another conversation has cached. */
  public EngineLimits withoutSharing() {
    return with(false, guessingTokens, promptTokens);
  }

  /** The same with other {@link #guessingTokens}. */
  public EngineLimits withGuessingTokens(int tokens) {
    return with(sharePrefixes, tokens, promptTokens);
  }

  /** The same with other {@link #promptTokens}. */
  public EngineLimits withPromptTokens(int tokens) {
    return with(sharePrefixes, guessingTokens, tokens);
  }

  private EngineLimits with(boolean sharing, int guessing, int prompting) {
    return new EngineLimits(
        stepTokens,
        stepRows,
        kvCapacityTokens,
        conversations,
        waitingTurns,
        turnsPerConversation,
        sharing,
        guessing,
        prompting);
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
    return new EngineLimits(DEFAULT_STEP_TOKENS, CPU_STEP_ROWS, kvCapacityTokens, 1_024, 2_048, 16);
  }

  /** How many rows a step has by default. */
  public static int stepRows(Device device) {
    return device.isGpu() ? GPU_STEP_ROWS : CPU_STEP_ROWS;
  }

  /**
   * How many tokens of prompts a step reads beside replies by default.
   *
   * @param stepTokens the budget of the step
   */
  public static int promptTokens(Device device, int stepTokens) {
    return device.isGpu() ? stepTokens : Math.min(CPU_PROMPT_TOKENS, stepTokens);
  }

  private static void require(boolean holds, String name, int value, String limit) {
    if (!holds) {
      throw new IllegalArgumentException("%s is %d, but must be %s".formatted(name, value, limit));
    }
  }
}
