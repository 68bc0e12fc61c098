package dev.parley.loadtest;

import java.util.Map;
import java.util.TreeMap;

/**
 * What one point measured.
 *
 * @param model the exact version that answered, {@code name@version}; empty if none did
 * @param conversations that were held or tried
 * @param turns that were answered
 * @param interrupted those of them that were interrupted on purpose
 * @param cancelled conversations that were cancelled on purpose
 * @param refused times that the server had no room and said when to come back: conversations that
 *     were not opened and turns that were not taken
 * @param failedTurns that were not answered, or could not be said because their conversation had
 *     died
 * @param errors how often each gRPC status came, refusals included
 * @param seconds from the first intended start to the last end
 * @param tokens generated, by the server's count
 * @param peakConversations open at once
 * @param opening from asking for a conversation to the server's answer
 * @param firstToken from the moment at which a message was due to the first piece of its reply
 * @param betweenTokens from one piece to the next
 * @param turn from the moment at which a message was due to the end of its reply
 * @param startDelay by which messages were sent later than they were due
 * @param refusal from asking to being refused
 * @param serverQueue how long turns waited, by the server's own clock
 */
public record LoadResult(
    Load load,
    String model,
    int conversations,
    int turns,
    int interrupted,
    int cancelled,
    int refused,
    int failedTurns,
    Map<String, Integer> errors,
    double seconds,
    long tokens,
    int peakConversations,
    Latency opening,
    Latency firstToken,
    Latency betweenTokens,
    Latency turn,
    Latency startDelay,
    Latency refusal,
    Latency serverQueue) {
  public LoadResult {
    errors = Map.copyOf(new TreeMap<>(errors));
  }

  /** Errors that are no refusals with a time to come back. */
  public int failures() {
    return errors.values().stream().mapToInt(count -> count).sum() - refused;
  }

  /** Tokens of all conversations per second of the test. */
  public double tokensPerSecond() {
    return seconds > 0 ? tokens / seconds : 0;
  }

  /** Answered turns per second of the test. */
  public double turnsPerSecond() {
    return seconds > 0 ? turns / seconds : 0;
  }
}
