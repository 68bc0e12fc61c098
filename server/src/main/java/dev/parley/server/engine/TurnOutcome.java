package dev.parley.server.engine;

import java.util.List;

/**
 * How a reply ended, and what it cost.
 *
 * @param reason why it ended
 * @param stopText which stop text ended it, for {@link FinishReason#STOP_TEXT}; otherwise empty
 * @param promptTokens of history and message, as the model saw them
 * @param cachedPromptTokens of those, still cached, or cached by another conversation with the same
 *     beginning: the model did not read them for this turn
 * @param generatedTokens of the reply, its end of turn included; of all candidates where there were
 *     several
 * @param droppedHistoryTokens dropped from the front of the history
 * @param queuedNanos from arrival to the first step
 * @param firstTokenNanos from arrival to the first token
 * @param totalNanos from arrival to the end
 * @param candidates what the reply was chosen from, in order of their seeds; empty where there was
 *     no choice
 * @param chosen the reply's place among the candidates; -1 where there was no choice
 */
public record TurnOutcome(
    FinishReason reason,
    String stopText,
    int promptTokens,
    int cachedPromptTokens,
    int generatedTokens,
    int droppedHistoryTokens,
    long queuedNanos,
    long firstTokenNanos,
    long totalNanos,
    List<ScoredReply> candidates,
    int chosen) {

  /** Why a reply ended. */
  public enum FinishReason {
    /** The model ended its turn. */
    END_OF_TURN,
    /** A stop text came up. */
    STOP_TEXT,
    /** {@code maxNewTokens} was reached. */
    MAX_TOKENS,
    /** The context is full. */
    CONTEXT_FULL,
    /** Interrupted; what was delivered stays in the history. */
    INTERRUPTED,
    /** The deadline came in the middle of the reply. */
    DEADLINE
  }
}
