package dev.parley.client.testing;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.parley.client.FieldViolation;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * An error as a Parley server reports it.
 *
 * @param reason UPPER_SNAKE_CASE
 * @param retryAfter when to come back, for RESOURCE_EXHAUSTED
 * @param violations the wrong fields, for INVALID_ARGUMENT
 */
public record FakeError(
    Status.Code code,
    String reason,
    String message,
    Optional<Duration> retryAfter,
    List<FieldViolation> violations) {
  public FakeError {
    violations = List.copyOf(violations);
  }

  /** An error without further details. */
  public static FakeError of(Status.Code code, String reason, String message) {
    return new FakeError(code, reason, message, Optional.empty(), List.of());
  }

  /** No room at present. */
  public static FakeError overloaded(Duration retryAfter) {
    return new FakeError(
        Status.Code.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        "No room for another turn",
        Optional.of(retryAfter),
        List.of());
  }

  /** A request with one wrong field. */
  public static FakeError invalid(String field, String description) {
    return new FakeError(
        Status.Code.INVALID_ARGUMENT,
        "INVALID_FIELD",
        field + ": " + description,
        Optional.empty(),
        List.of(new FieldViolation(field, description)));
  }

  com.google.rpc.Status toProto() {
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(code.value())
            .setMessage(message)
            .addDetails(
                Any.pack(ErrorInfo.newBuilder().setReason(reason).setDomain("parley.dev").build()));
    retryAfter.ifPresent(
        delay ->
            status.addDetails(
                Any.pack(RetryInfo.newBuilder().setRetryDelay(proto(delay)).build())));
    if (!violations.isEmpty()) {
      BadRequest.Builder bad = BadRequest.newBuilder();
      violations.forEach(
          violation ->
              bad.addFieldViolations(
                  BadRequest.FieldViolation.newBuilder()
                      .setField(violation.field())
                      .setDescription(violation.description())));
      status.addDetails(Any.pack(bad.build()));
    }
    return status.build();
  }

  static com.google.protobuf.Duration proto(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }

  StatusRuntimeException toException() {
    return StatusProto.toStatusRuntimeException(toProto());
  }
}
