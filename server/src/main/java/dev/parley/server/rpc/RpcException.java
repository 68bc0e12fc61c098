package dev.parley.server.rpc;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An error as a client sees it: a code, a sentence that names the thing, the value, the limit and
 * the remedy, an {@link ErrorInfo} with a reason that programs can switch on, and further details
 * (AIP-193).
 */
public final class RpcException extends RuntimeException {
  /** The domain of every reason. */
  public static final String DOMAIN = "parley.dev";

  private final com.google.rpc.Status status;

  private RpcException(
      Code code,
      String reason,
      String message,
      Map<String, String> metadata,
      List<? extends Message> details) {
    // Being refused is no failure, and comes a hundred times a second where it comes at all.
    super(message, null, false, code != Code.RESOURCE_EXHAUSTED);
    String sentence = TrailerRoom.shorten(message, TrailerRoom.forMessage(details));
    List<Any> packed = new ArrayList<>();
    packed.add(
        Any.pack(
            ErrorInfo.newBuilder()
                .setReason(reason)
                .setDomain(DOMAIN)
                .putAllMetadata(TrailerRoom.shortened(metadata))
                .build()));
    details.forEach(detail -> packed.add(Any.pack(detail)));
    this.status =
        com.google.rpc.Status.newBuilder()
            .setCode(code.getNumber())
            .setMessage(sentence)
            .addAllDetails(packed)
            .build();
  }

  /**
   * An error with a reason.
   *
   * @param reason UPPER_SNAKE_CASE, stable
   * @param metadata what the message says, by name
   */
  public static RpcException of(
      Code code, String reason, String message, Map<String, String> metadata) {
    return new RpcException(code, reason, message, metadata, List.of());
  }

  /**
   * INVALID_ARGUMENT for one field.
   *
   * @param field its path in the request, such as {@code setup.generation.top_p}
   */
  public static RpcException invalid(String field, String description) {
    return invalid(List.of(violation(field, description)));
  }

  /** INVALID_ARGUMENT for every field that is wrong, all at once, as far as trailers have room. */
  public static RpcException invalid(List<BadRequest.FieldViolation> violations) {
    List<BadRequest.FieldViolation> named = TrailerRoom.first(violations);
    List<String> sentences = new ArrayList<>();
    named.forEach(v -> sentences.add(v.getField() + ": " + v.getDescription()));
    if (named.size() < violations.size()) {
      sentences.add("and %,d more problems".formatted(violations.size() - named.size()));
    }
    return new RpcException(
        Code.INVALID_ARGUMENT,
        "INVALID_FIELD",
        String.join("; ", sentences),
        Map.of(),
        List.of(BadRequest.newBuilder().addAllFieldViolations(named).build()));
  }

  /** One wrong field. */
  public static BadRequest.FieldViolation violation(String field, String description) {
    return BadRequest.FieldViolation.newBuilder()
        .setField(field)
        .setDescription(description)
        .build();
  }

  /** NOT_FOUND: {@code reason} names the kind, such as MODEL_NOT_FOUND. */
  public static RpcException notFound(String reason, String message) {
    return of(Code.NOT_FOUND, reason, message, Map.of());
  }

  /** RESOURCE_EXHAUSTED with a RetryInfo. */
  public static RpcException overloaded(String reason, String message, java.time.Duration retry) {
    return new RpcException(
        Code.RESOURCE_EXHAUSTED, reason, message, Map.of(), List.of(retryInfo(retry)));
  }

  /** UNAVAILABLE with a RetryInfo: what comes back by itself. */
  public static RpcException unavailable(
      String reason, String message, Map<String, String> metadata, java.time.Duration retry) {
    return new RpcException(Code.UNAVAILABLE, reason, message, metadata, List.of(retryInfo(retry)));
  }

  private static RetryInfo retryInfo(java.time.Duration retry) {
    Duration delay =
        Duration.newBuilder().setSeconds(retry.getSeconds()).setNanos(retry.getNano()).build();
    return RetryInfo.newBuilder().setRetryDelay(delay).build();
  }

  /** As a message, for what concerns one turn of a stream. */
  public com.google.rpc.Status toStatus() {
    return status;
  }

  /** As the end of an RPC. */
  public StatusRuntimeException toStatusRuntimeException() {
    return StatusProto.toStatusRuntimeException(status);
  }
}
