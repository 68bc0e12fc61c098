package dev.parley.server.engine;

import com.google.rpc.Code;
import dev.parley.server.rpc.RpcException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a client is told about a turn that the engine could not answer. */
final class EngineErrors {
  private static final Logger log = LoggerFactory.getLogger(EngineErrors.class);

  private EngineErrors() {}

  /** A turn that waited too long for its first step. */
  static RpcException expired(long waitedNanos) {
    long waited = waitedNanos / 1_000_000;
    return RpcException.of(
        Code.DEADLINE_EXCEEDED,
        "WAITED_TOO_LONG",
        ("the message waited %d ms for its first step, longer than max_queue_wait or the deadline"
                + " allow; nothing was computed for it")
            .formatted(waited),
        Map.of("waited_ms", Long.toString(waited)));
  }

  /** A turn of a conversation that is gone. */
  static RpcException cancelled() {
    return RpcException.of(
        Code.CANCELLED, "CONVERSATION_CLOSED", "the conversation was closed", Map.of());
  }

  /** A row that failed by itself; logged. */
  static RpcException internal(Throwable cause) {
    log.warn("a turn fails", cause);
    return RpcException.of(
        Code.INTERNAL,
        "ENGINE_FAILURE",
        "the model failed on this turn (%s); the server's log says more"
            .formatted(cause.getClass().getSimpleName()),
        Map.of("cause", cause.getClass().getName()));
  }

  /** A row that no token can be chosen from. */
  static RpcException noToken(Sampler.NoTokenException e) {
    Code code = e.reason().equals("NO_TOKEN_LEFT") ? Code.INVALID_ARGUMENT : Code.INTERNAL;
    return RpcException.of(code, e.reason(), e.sentence(), Map.of());
  }

  /**
   * An engine that has stopped.
   *
   * @param cause null where it was closed
   */
  static RpcException unavailable(@Nullable Throwable cause) {
    return RpcException.of(
        Code.UNAVAILABLE,
        cause == null ? "ENGINE_CLOSED" : "ENGINE_FAILED",
        cause == null
            ? "the model is being unloaded; open a new conversation"
            : ("the model's engine has stopped after a failure (%s) and is loaded again; open a new"
                    + " conversation")
                .formatted(cause.getClass().getSimpleName()),
        cause == null ? Map.of() : Map.of("cause", cause.getClass().getName()));
  }
}
