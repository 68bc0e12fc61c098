package dev.parley.server.rpc;

import com.google.rpc.Code;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.util.Map;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a client sees of an exception. */
public final class RpcErrors {
  private static final Logger log = LoggerFactory.getLogger(RpcErrors.class);

  private RpcErrors() {}

  /**
   * The status of an exception. One that nobody foresaw is logged in full under a fresh request id;
   * the client gets INTERNAL with that id and nothing of the inside.
   *
   * @param method for the log, such as {@code parley.v1.ChatService/Chat}
   */
  public static StatusRuntimeException toStatus(Throwable error, String method) {
    if (error instanceof RpcException e) {
      return e.toStatusRuntimeException();
    }
    if (error instanceof StatusRuntimeException e) {
      return e;
    }
    if (error instanceof StatusException e) {
      return new StatusRuntimeException(e.getStatus(), e.getTrailers());
    }
    String id = UUID.randomUUID().toString();
    log.error("{} failed, request id {}", method, id, error);
    return RpcException.of(
            Code.INTERNAL,
            "INTERNAL",
            "the server failed; its log has the reason under request id " + id,
            Map.of("request_id", id))
        .toStatusRuntimeException();
  }
}
