package dev.parley.server.chat;

import dev.parley.v1.ChatResponse;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one writer of a stream. Any thread may send; whoever comes first writes for the others, so
 * messages go out one at a time, in order, without a lock held. After the end nothing is written.
 */
final class Outbox {
  private static final Logger log = LoggerFactory.getLogger(Outbox.class);
  private final ServerCallStreamObserver<ChatResponse> call;
  private final Queue<Runnable> writes = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waiting = new AtomicInteger();
  private boolean ended; // by the thread that writes

  /**
   * A writer of a call.
   *
   * @param call with an onCancel handler: writing to a call that is gone does nothing then
   */
  Outbox(ServerCallStreamObserver<ChatResponse> call) {
    this.call = call;
  }

  /** Whether the reader takes more for now. */
  boolean ready() {
    return call.isReady();
  }

  void send(ChatResponse response) {
    write(() -> call.onNext(response));
  }

  /** Ends the stream with OK. */
  void complete() {
    end(call::onCompleted);
  }

  /** Ends the stream with an error. */
  void fail(StatusRuntimeException error) {
    end(() -> call.onError(error));
  }

  private void end(Runnable last) {
    write(
        () -> {
          ended = true;
          last.run();
        });
  }

  private void write(Runnable write) {
    writes.add(write);
    if (waiting.getAndIncrement() > 0) {
      return;
    }
    do {
      Runnable next = writes.poll();
      if (next != null && !ended && !call.isCancelled()) {
        try {
          next.run();
        } catch (Throwable e) { // the transport gave up: nothing more can be written
          ended = true;
          log.warn("a stream cannot be written", e);
        }
      }
    } while (waiting.decrementAndGet() > 0);
  }
}
