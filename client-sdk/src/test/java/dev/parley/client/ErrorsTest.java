package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ErrorsTest {
  private static final Map<Status.Code, Class<? extends ParleyException>> TABLE =
      new EnumMap<>(Status.Code.class);

  static {
    TABLE.put(Status.Code.OK, ServerException.class);
    TABLE.put(Status.Code.CANCELLED, CancelledException.class);
    TABLE.put(Status.Code.UNKNOWN, ServerException.class);
    TABLE.put(Status.Code.INVALID_ARGUMENT, InvalidRequestException.class);
    TABLE.put(Status.Code.DEADLINE_EXCEEDED, DeadlineExceededException.class);
    TABLE.put(Status.Code.NOT_FOUND, NotFoundException.class);
    TABLE.put(Status.Code.ALREADY_EXISTS, ConflictException.class);
    TABLE.put(Status.Code.PERMISSION_DENIED, AccessDeniedException.class);
    TABLE.put(Status.Code.RESOURCE_EXHAUSTED, OverloadedException.class);
    TABLE.put(Status.Code.FAILED_PRECONDITION, ConflictException.class);
    TABLE.put(Status.Code.ABORTED, ConflictException.class);
    TABLE.put(Status.Code.OUT_OF_RANGE, InvalidRequestException.class);
    TABLE.put(Status.Code.UNIMPLEMENTED, UnimplementedException.class);
    TABLE.put(Status.Code.INTERNAL, ServerException.class);
    TABLE.put(Status.Code.UNAVAILABLE, UnavailableException.class);
    TABLE.put(Status.Code.DATA_LOSS, ServerException.class);
    TABLE.put(Status.Code.UNAUTHENTICATED, AccessDeniedException.class);
  }

  @ParameterizedTest
  @EnumSource(Status.Code.class)
  void from_plainStatus_typedByCode(Status.Code code) {
    ParleyException error =
        Errors.from(code.toStatus().withDescription("what went wrong").asRuntimeException());

    assertThat(error).isExactlyInstanceOf(TABLE.get(code)).hasMessage("what went wrong");
    assertThat(error.code()).isEqualTo(code);
    assertThat(error.reason()).isEmpty();
    assertThat(error.retryable()).isEqualTo(code == Status.Code.UNAVAILABLE);
  }

  @Test
  void from_statusWithDetails_keepsThemAll() {
    com.google.rpc.Status status =
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.RESOURCE_EXHAUSTED.value())
            .setMessage("32 of 32 conversations are open; try again in 1.5 s")
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setReason("CONVERSATIONS_FULL")
                        .putMetadata("limit", "32")
                        .build()))
            .addDetails(
                Any.pack(
                    RetryInfo.newBuilder()
                        .setRetryDelay(
                            com.google.protobuf.Duration.newBuilder()
                                .setSeconds(1)
                                .setNanos(500_000_000))
                        .build()))
            .build();

    ParleyException error = Errors.from(StatusProto.toStatusRuntimeException(status));

    assertThat(error)
        .isInstanceOfSatisfying(
            OverloadedException.class,
            e -> assertThat(e.retryAfter()).contains(Duration.ofMillis(1500)));
    assertThat(error.reason()).isEqualTo("CONVERSATIONS_FULL");
    assertThat(error.metadata()).containsExactly(Map.entry("limit", "32"));
    assertThat(error.retryable()).isTrue();
    assertThat(error).hasMessageStartingWith("32 of 32");
  }

  @Test
  void from_badRequest_namesEveryField() {
    com.google.rpc.Status status =
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.INVALID_ARGUMENT.value())
            .setMessage("two things")
            .addDetails(
                Any.pack(
                    BadRequest.newBuilder()
                        .addFieldViolations(violation("setup.generation.top_p", "is 2"))
                        .addFieldViolations(violation("setup.model", "is empty"))
                        .build()))
            .build();

    assertThat(Errors.from(status, null))
        .isInstanceOfSatisfying(
            InvalidRequestException.class,
            e ->
                assertThat(e.fieldViolations())
                    .containsExactly(
                        new FieldViolation("setup.generation.top_p", "is 2"),
                        new FieldViolation("setup.model", "is empty")));
  }

  @Test
  void from_notFoundOfAModel_isModelNotFound() {
    com.google.rpc.Status status =
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.NOT_FOUND.value())
            .addDetails(
                Any.pack(ErrorInfo.newBuilder().setReason("MODEL_VERSION_NOT_FOUND").build()))
            .build();
    assertThat(Errors.from(status, null)).isExactlyInstanceOf(ModelNotFoundException.class);
  }

  @Test
  void from_lostConnection_namesTheCause() {
    ParleyException error =
        Errors.from(
            Status.UNAVAILABLE
                .withDescription("io exception")
                .withCause(new java.net.ConnectException("Connection refused: localhost:1"))
                .asRuntimeException());
    assertThat(error).hasMessage("io exception: Connection refused: localhost:1");
  }

  private static BadRequest.FieldViolation violation(String field, String description) {
    return BadRequest.FieldViolation.newBuilder()
        .setField(field)
        .setDescription(description)
        .build();
  }
}
