package dev.parley.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the server says about an error: the status and its {@code google.rpc} details. */
record ErrorDetails(
    Status.Code code,
    String message,
    String reason,
    Map<String, String> metadata,
    List<FieldViolation> violations,
    Optional<Duration> retryAfter) {

  ErrorDetails {
    metadata = Map.copyOf(metadata);
    violations = List.copyOf(violations);
  }

  /** An error that was found here and not by the server. */
  static ErrorDetails local(Status.Code code, String reason, String message) {
    return new ErrorDetails(code, message, reason, Map.of(), List.of(), Optional.empty());
  }
}
