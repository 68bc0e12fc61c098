package dev.parley.server.rpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/**
 * Ends a call whose handler threw with the status that {@link RpcErrors} gives the exception, where
 * gRPC would answer UNKNOWN without a word.
 */
public final class ErrorInterceptor implements ServerInterceptor {
  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    MappedCall<Q, A> mapped = new MappedCall<>(call);
    try {
      return new MappedListener<>(mapped, next.startCall(mapped, headers));
    } catch (RuntimeException e) {
      mapped.fail(e);
      return new ServerCall.Listener<>() {};
    }
  }

  private static final class MappedCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
    private boolean closed; // guarded by this: a service may close from a thread of its own

    MappedCall(ServerCall<Q, A> call) {
      super(call);
    }

    @Override
    public void close(Status status, Metadata trailers) {
      if (!first()) {
        return;
      }
      Throwable cause = status.getCause();
      if (status.getCode() == Status.Code.UNKNOWN && cause != null) {
        StatusRuntimeException mapped = RpcErrors.toStatus(cause, method());
        delegate().close(mapped.getStatus(), trailers(mapped));
      } else {
        delegate().close(status, trailers);
      }
    }

    void fail(RuntimeException e) {
      StatusRuntimeException mapped = RpcErrors.toStatus(e, method());
      if (first()) {
        delegate().close(mapped.getStatus(), trailers(mapped));
      }
    }

    private synchronized boolean first() {
      boolean first = !closed;
      closed = true;
      return first;
    }

    private String method() {
      return getMethodDescriptor().getFullMethodName();
    }

    private static Metadata trailers(StatusRuntimeException e) {
      Metadata trailers = e.getTrailers();
      return trailers == null ? new Metadata() : trailers;
    }
  }

  private static final class MappedListener<Q, A> extends SimpleForwardingServerCallListener<Q> {
    private final MappedCall<Q, A> call;

    MappedListener(MappedCall<Q, A> call, ServerCall.Listener<Q> listener) {
      super(listener);
      this.call = call;
    }

    @Override
    public void onMessage(Q message) {
      guarded(() -> super.onMessage(message));
    }

    @Override
    public void onHalfClose() {
      guarded(super::onHalfClose);
    }

    @Override
    public void onReady() {
      guarded(super::onReady);
    }

    @Override
    public void onCancel() {
      guarded(super::onCancel);
    }

    @Override
    public void onComplete() {
      guarded(super::onComplete);
    }

    private void guarded(Runnable event) {
      try {
        event.run();
      } catch (RuntimeException e) {
        call.fail(e);
      }
    }
  }
}
