package dev.parley.server.engine;

import dev.parley.server.rpc.RpcException;
import org.jspecify.annotations.Nullable;

/**
 * Where the tokens of one reply go. Called on the engine thread only, one call at a time; no method
 * may block. After exactly one of {@link #finished} or {@link #failed} nothing is called any more.
 */
public interface TurnSink {
  /**
   * The end of a reply by its text.
   *
   * @param text the stop text
   * @param keptTokens the reply without it, for the history
   */
  record Stop(String text, int[] keptTokens) {}

  /**
   * Whether the reader takes more for now; false parks the turn until {@link Conversation#wake}.
   */
  boolean ready();

  /** Whether the reply may go on with this token; asked before each token, never about the end. */
  default boolean allows(int token) {
    return true;
  }

  /**
   * The next token of the reply, never the end of turn.
   *
   * @return null to go on
   */
  @Nullable Stop token(int token);

  /**
   * A candidate for the reply: it is judged as the reply would be, and nothing of it is delivered.
   * The one that is chosen comes through {@link #token} afterwards, all at once.
   */
  default Draft draft() {
    return new Draft() {};
  }

  /** What may end a candidate before the model does. */
  interface Draft {
    /** Whether the candidate may go on with this token; as {@link TurnSink#allows}. */
    default boolean allows(int token) {
      return true;
    }

    /** The candidate's next token; as {@link TurnSink#token}. */
    default @Nullable Stop token(int token) {
      return null;
    }
  }

  /** The reply ended. */
  void finished(TurnOutcome outcome);

  /** There is no reply; the history is as it was before the message. */
  void failed(RpcException error);
}
