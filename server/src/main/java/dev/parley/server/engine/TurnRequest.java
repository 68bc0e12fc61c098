package dev.parley.server.engine;

/**
 * A message and how to answer it.
 *
 * @param message its tokens, without the end of turn; at least one
 * @param sampling how the reply is chosen
 * @param startBy the engine's time by which its first step must begin, or {@link #NEVER}
 * @param deadline the engine's time at which it ends in any case, or {@link #NEVER}
 * @param bestOf how many candidates are made for the reply, and how the best one is found
 */
public record TurnRequest(
    int[] message, SamplingParameters sampling, long startBy, long deadline, BestOf bestOf) {
  /** A time that does not come. */
  public static final long NEVER = Long.MAX_VALUE;

  /** A message with one reply. */
  public TurnRequest(int[] message, SamplingParameters sampling, long startBy, long deadline) {
    this(message, sampling, startBy, deadline, BestOf.ONE);
  }
}
