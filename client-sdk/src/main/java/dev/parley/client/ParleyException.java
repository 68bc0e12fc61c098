package dev.parley.client;

import io.grpc.Status;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What every call of this library throws when the server, the network or the request is at fault.
 * Its message is the server's own: it names the thing, the value, the limit and the remedy.
 * Subclasses tell the kinds apart that programs treat differently; {@link #reason()} tells finer.
 */
public class ParleyException extends RuntimeException {
  private final ErrorDetails details;

  ParleyException(ErrorDetails details, @Nullable Throwable cause) {
    super(details.message(), cause);
    this.details = details;
  }

  /** The gRPC status code. */
  public final Status.Code code() {
    return details.code();
  }

  /** Stable name of the cause, such as {@code MODEL_NOT_FOUND}; empty where none was given. */
  public final String reason() {
    return details.reason();
  }

  /** What the message says, by name. */
  public final Map<String, String> metadata() {
    return details.metadata();
  }

  /** Whether the same call may succeed later without being changed. */
  public boolean retryable() {
    return code() == Status.Code.UNAVAILABLE;
  }

  final ErrorDetails details() {
    return details;
  }
}
