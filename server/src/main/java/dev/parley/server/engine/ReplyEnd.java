package dev.parley.server.engine;

import dev.parley.server.engine.TurnOutcome.FinishReason;
import dev.parley.server.rpc.RpcException;
import org.jspecify.annotations.Nullable;

/**
 * How a reply ended, or a candidate for one.
 *
 * @param stopText which stop text ended it, for {@link FinishReason#STOP_TEXT}; otherwise empty
 * @param reply its own tokens
 * @param kept those of them that go into the history
 * @param error why there is none
 */
record ReplyEnd(
    FinishReason reason, String stopText, int[] reply, int[] kept, @Nullable RpcException error) {

  /** A reply that ended as a whole. */
  static ReplyEnd whole(FinishReason reason, int[] reply) {
    return new ReplyEnd(reason, "", reply, reply, null);
  }

  /** A reply that a stop text ended. */
  static ReplyEnd stopped(TurnSink.Stop stop, int[] reply) {
    return new ReplyEnd(FinishReason.STOP_TEXT, stop.text(), reply, stop.keptTokens(), null);
  }

  /** No reply. */
  static ReplyEnd failed(RpcException error) {
    return new ReplyEnd(FinishReason.INTERRUPTED, "", new int[0], new int[0], error);
  }
}
