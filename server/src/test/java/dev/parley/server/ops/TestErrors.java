package dev.parley.server.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Reads the errors of calls. */
public final class TestErrors {
  private TestErrors() {}

  /** Checks code and reason of a call's error, and returns its message. */
  public static String errorOf(Code code, String reason, ThrowingCallable call)
      throws InvalidProtocolBufferException {
    Status status = statusOf(call);
    assertThat(io.grpc.Status.fromCodeValue(status.getCode()).getCode())
        .as(status.getMessage())
        .isEqualTo(code);
    ErrorInfo info = status.getDetails(0).unpack(ErrorInfo.class);
    assertThat(info.getReason()).isEqualTo(reason);
    assertThat(info.getDomain()).isEqualTo("parley.dev");
    return status.getMessage();
  }

  /** The fields that INVALID_ARGUMENT names. */
  public static List<String> violationsOf(ThrowingCallable call)
      throws InvalidProtocolBufferException {
    Status status = statusOf(call);
    assertThat(io.grpc.Status.fromCodeValue(status.getCode()).getCode())
        .as(status.getMessage())
        .isEqualTo(Code.INVALID_ARGUMENT);
    for (Any detail : status.getDetailsList()) {
      if (detail.is(BadRequest.class)) {
        return detail.unpack(BadRequest.class).getFieldViolationsList().stream()
            .map(BadRequest.FieldViolation::getField)
            .toList();
      }
    }
    throw new AssertionError("no BadRequest in " + status);
  }

  private static Status statusOf(ThrowingCallable call) {
    StatusRuntimeException e = catchThrowableOfType(StatusRuntimeException.class, call);
    assertThat(e).as("the call's error").isNotNull();
    return StatusProto.fromThrowable(e);
  }
}
