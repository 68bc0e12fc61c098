package dev.parley.server.engine;

/**
 * What an engine reports while it works, for metrics. Called on the engine thread, which waits for
 * it, but for {@link #turnRefused}: implementations only count. A callback that throws is logged
 * and otherwise ignored.
 */
public interface EngineObserver {
  /** Counts nothing. */
  EngineObserver NONE = new EngineObserver() {};

  /** Why cached keys and values were dropped. */
  enum EvictionReason {
    /** The longest idle conversation made room. */
    IDLE,
    /** A running turn made room for an older one; it is read again later. */
    PREEMPTED,
    /** A failed step left them in doubt. */
    FAILED
  }

  /**
   * Where the engine thread's time went in a step, in nanoseconds.
   *
   * @param scheduling what is read next, and the books of it
   * @param model from a row's tokens to its logits, libtorch and the way there and back
   * @param sampling logits to tokens
   * @param delivery tokens to text, and to whoever reads
   */
  record StepTimes(long scheduling, long model, long sampling, long delivery) {
    /** All of it. */
    public long total() {
      return scheduling + model + sampling + delivery;
    }
  }

  /** Where the time of the step went whose {@link #step} comes next. */
  default void stepTimes(StepTimes times) {}

  /**
   * A step of the model ended ({@code parley_step_seconds}, {@code parley_step_rows}).
   *
   * @param promptTokens read by turns without a token of their own yet, or read again
   * @param sampledTokens chosen after it
   */
  default void step(long nanos, int rows, int promptTokens, int sampledTokens) {}

  /**
   * A turn's first step begins, this long after its arrival ({@code parley_chat_queue_seconds}).
   */
  default void turnStarted(long queuedNanos) {}

  /**
   * A turn's first token was chosen, this long after its arrival ({@code
   * parley_chat_time_to_first_token_seconds}).
   */
  default void firstToken(long nanos) {}

  /**
   * A later token, this long after the one before ({@code parley_chat_inter_token_seconds}). The
   * tokens that one step gave come together: each counts with an equal part of the time since the
   * token before the first of them, so that the sum is the time and the quantiles are a pace.
   */
  default void nextToken(long nanos) {}

  /**
   * The guesses of a row were checked ({@code parley_speculation_tokens_total{outcome}}).
   *
   * @param accepted those that were right, up to the first that was not
   * @param rejected the others
   */
  default void guessed(int accepted, int rejected) {}

  /**
   * A turn ended, however ({@code parley_chat_turn_seconds}, {@code
   * parley_chat_turns_total{finish_reason}}, {@code parley_tokens_total{kind}}).
   *
   * @param reason a finish reason, {@code failed}, {@code expired} or {@code cancelled}; lower case
   * @param nanos since its arrival
   * @param promptTokens of history and message, the cached ones not included
   * @param cachedTokens of history and message that were still cached
   * @param generatedTokens of the reply
   */
  default void turnEnded(
      String reason, long nanos, int promptTokens, int cachedTokens, int generatedTokens) {}

  /**
   * A turn was not taken because too many wait ({@code
   * parley_chat_turns_total{finish_reason="refused"}}). Called on the thread that asked, several at
   * a time.
   */
  default void turnRefused() {}

  /** Cached keys and values were dropped ({@code parley_kv_evictions_total}). */
  default void evicted(EvictionReason reason, int tokens) {}

  /**
   * A turn took over the keys and values of its first tokens from another conversation ({@code
   * parley_kv_shared_tokens_total}).
   */
  default void shared(int tokens) {}

  /**
   * The state after every step, and when it changes without one ({@code
   * parley_kv_tokens{state=active|cached}}, {@code parley_kv_capacity_tokens}, {@code
   * parley_streams}, {@code parley_streams_parked}).
   */
  default void state(EngineState state) {}
}
