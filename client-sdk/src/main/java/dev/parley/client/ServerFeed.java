package dev.parley.client;

import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A server-streaming call that is opened again when the server could not be reached or went away.
 * What was delivered twice is the caller's to drop. One reader; {@link #close} from any thread.
 */
final class ServerFeed<T> implements AutoCloseable {
  private final Supplier<Iterator<T>> open;
  private final Backoff backoff;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Context.CancellableContext context = Context.current().withCancellation();
  private @Nullable Iterator<T> current;
  private int attempts;

  /**
   * @param open makes the call; asked again after each loss
   */
  ServerFeed(Supplier<Iterator<T>> open, Backoff backoff) {
    this.open = open;
    this.backoff = backoff;
  }

  /** Waits for the next message. Each is asked for when the one before was taken. */
  T next() {
    while (true) {
      ParleyException loss;
      try {
        if (closed.getCount() == 0) {
          throw cancelled();
        }
        if (current == null) {
          current = open();
        }
        if (current.hasNext()) {
          T message = current.next();
          attempts = 0;
          return message;
        }
        loss =
            Errors.local(
                Status.Code.UNAVAILABLE, "STREAM_ENDED", "The server ended the stream early", null);
      } catch (StatusRuntimeException e) {
        loss = closed.getCount() == 0 ? cancelled() : Errors.from(e);
      }
      current = null;
      if (!(loss instanceof UnavailableException) || !pause()) {
        throw loss;
      }
    }
  }

  /** Ends the call; a reader that waits gets a {@link CancelledException}. */
  @Override
  public void close() {
    closed.countDown();
    context.cancel(null);
  }

  private Iterator<T> open() {
    Context previous = context.attach();
    try {
      return open.get();
    } finally {
      context.detach(previous);
    }
  }

  /** False: give up. */
  private boolean pause() {
    var delay = backoff.delay(attempts++);
    if (delay.isEmpty()) {
      return false;
    }
    try {
      if (closed.await(delay.get().toNanos(), TimeUnit.NANOSECONDS)) {
        throw cancelled();
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Errors.local(
          Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while re-attaching", e);
    }
  }

  private static ParleyException cancelled() {
    return Errors.local(Status.Code.CANCELLED, "CLOSED", "The stream was closed", null);
  }
}
