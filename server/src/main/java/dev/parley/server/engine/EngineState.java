package dev.parley.server.engine;

/**
 * An engine at the end of a step, as numbers.
 *
 * @param conversations open ones
 * @param waitingTurns turns before their first step, and preempted ones
 * @param runningTurns turns that hold keys and values; each candidate for a reply counts as one
 * @param parkedTurns turns whose readers take no more for now
 * @param activeKvTokens reserved by running turns, in tokens that there is room for
 * @param cachedKvTokens held for idle conversations, and of closed ones for others that begin
 *     alike, in tokens that there is room for; evictable
 * @param kvCapacityTokens the limit of both together
 */
public record EngineState(
    int conversations,
    int waitingTurns,
    int runningTurns,
    int parkedTurns,
    int activeKvTokens,
    int cachedKvTokens,
    int kvCapacityTokens) {

  /** An engine that has just started. */
  static EngineState empty(EngineLimits limits) {
    return new EngineState(0, 0, 0, 0, 0, 0, limits.kvCapacityTokens());
  }
}
