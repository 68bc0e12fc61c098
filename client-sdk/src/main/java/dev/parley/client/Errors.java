package dev.parley.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes typed exceptions of gRPC statuses and of {@code google.rpc.Status} messages. */
final class Errors {
  private static final Logger log = LoggerFactory.getLogger(Errors.class);

  private Errors() {}

  /** The typed exception for whatever a gRPC call threw; one that is typed already stays itself. */
  static ParleyException from(Throwable failure) {
    if (failure instanceof ParleyException typed) {
      return typed;
    }
    Status status = Status.fromThrowable(failure);
    com.google.rpc.Status details = StatusProto.fromThrowable(failure);
    if (details != null && details.getDetailsCount() > 0) {
      return from(details, failure);
    }
    return typed(ErrorDetails.local(status.getCode(), "", describe(status)), failure);
  }

  /** The typed exception for a status that came as a message. */
  static ParleyException from(com.google.rpc.Status status, @Nullable Throwable cause) {
    return typed(details(status), cause);
  }

  static ErrorDetails details(com.google.rpc.Status status) {
    Status.Code code = Status.fromCodeValue(status.getCode()).getCode();
    String reason = "";
    Map<String, String> metadata = Map.of();
    List<FieldViolation> violations = new ArrayList<>();
    Optional<Duration> retryAfter = Optional.empty();
    for (Any detail : status.getDetailsList()) {
      try {
        if (detail.is(ErrorInfo.class)) {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          reason = info.getReason();
          metadata = info.getMetadataMap();
        } else if (detail.is(BadRequest.class)) {
          for (BadRequest.FieldViolation v :
              detail.unpack(BadRequest.class).getFieldViolationsList()) {
            violations.add(new FieldViolation(v.getField(), v.getDescription()));
          }
        } else if (detail.is(RetryInfo.class)) {
          retryAfter =
              Optional.of(Convert.duration(detail.unpack(RetryInfo.class).getRetryDelay()));
        }
      } catch (InvalidProtocolBufferException e) {
        // The status itself still says enough; a broken detail must not hide it.
        log.debug("Unreadable error detail {}", detail.getTypeUrl(), e);
      }
    }
    String message = status.getMessage().isEmpty() ? code.name() : status.getMessage();
    return new ErrorDetails(code, message, reason, metadata, violations, retryAfter);
  }

  /** An error that was found on this side. */
  static ParleyException local(
      Status.Code code, String reason, String message, @Nullable Throwable cause) {
    return typed(ErrorDetails.local(code, reason, message), cause);
  }

  static ParleyException typed(ErrorDetails details, @Nullable Throwable cause) {
    return switch (details.code()) {
      case INVALID_ARGUMENT, OUT_OF_RANGE -> new InvalidRequestException(details, cause);
      case NOT_FOUND ->
          details.reason().startsWith("MODEL")
              ? new ModelNotFoundException(details, cause)
              : new NotFoundException(details, cause);
      case RESOURCE_EXHAUSTED -> new OverloadedException(details, cause);
      case DEADLINE_EXCEEDED -> new DeadlineExceededException(details, cause);
      case CANCELLED -> new CancelledException(details, cause);
      case UNAVAILABLE -> new UnavailableException(details, cause);
      case UNIMPLEMENTED -> new UnimplementedException(details, cause);
      case FAILED_PRECONDITION, ALREADY_EXISTS, ABORTED -> new ConflictException(details, cause);
      case UNAUTHENTICATED, PERMISSION_DENIED -> new AccessDeniedException(details, cause);
      case INTERNAL, UNKNOWN, DATA_LOSS, OK -> new ServerException(details, cause);
    };
  }

  private static String describe(Status status) {
    String text =
        status.getDescription() == null ? status.getCode().name() : status.getDescription();
    Throwable cause = status.getCause();
    if (cause != null && cause.getMessage() != null && !text.contains(cause.getMessage())) {
      return text + ": " + cause.getMessage();
    }
    return text;
  }
}
