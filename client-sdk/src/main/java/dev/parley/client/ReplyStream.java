package dev.parley.client;

import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * A reply that comes piece by piece: any number of {@link ReplyEvent.Text}, then one {@link
 * ReplyEvent.Completed}. Single use: one iterator, one thread at a time. Close it, best with
 * try-with-resources; closing before the end interrupts the reply on the server.
 *
 * <p>At most {@value #BUFFER} pieces are kept here; while nobody takes them the server waits, by
 * gRPC's flow control. Only when a later message of the same conversation waits for this reply is
 * the rest of it taken in, so that nobody waits for himself.
 *
 * <p>{@link Iterator#hasNext} and {@link Iterator#next} throw the {@link ParleyException} that
 * ended the reply, after the pieces that came before it.
 */
public final class ReplyStream implements Iterable<ReplyEvent>, AutoCloseable {
  static final int BUFFER = 8;

  private final ChatCall call;
  private final Buffer buffer = new Buffer();
  private final Turn turn;
  private boolean iterated;

  ReplyStream(ChatCall call, String text, GenerationOptions overrides) {
    this.call = call;
    this.turn = call.say(text, overrides, buffer);
  }

  /**
   * The events.
   *
   * @throws IllegalStateException the second time
   */
  @Override
  public Iterator<ReplyEvent> iterator() {
    if (iterated) {
      throw new IllegalStateException("A reply stream is read once; keep what you need of it");
    }
    iterated = true;
    return new Events();
  }

  /** The events as a sequential stream; in place of {@link #iterator}. */
  public Stream<ReplyEvent> stream() {
    return StreamSupport.stream(
        Spliterators.spliteratorUnknownSize(
            iterator(), Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE),
        false);
  }

  /** Takes what is left of the reply and returns it whole. */
  public Reply await() {
    while (true) {
      ReplyEvent event = buffer.take();
      if (event instanceof ReplyEvent.Completed completed) {
        return completed.reply();
      }
    }
  }

  /** Ends the reading; interrupts the reply where it has not ended. From any thread. */
  @Override
  public void close() {
    if (buffer.close()) {
      call.abandon(turn, null);
    }
  }

  private final class Events implements Iterator<ReplyEvent> {
    private @Nullable ReplyEvent next;
    private boolean last;

    @Override
    public boolean hasNext() {
      if (next == null && !last) {
        next = buffer.take();
        last = next instanceof ReplyEvent.Completed;
      }
      return next != null;
    }

    @Override
    public ReplyEvent next() {
      if (!hasNext() || next == null) {
        throw new NoSuchElementException("The reply has ended");
      }
      ReplyEvent event = next;
      next = null;
      return event;
    }
  }

  /** Between the thread of the call and the thread of the reader. */
  private final class Buffer implements TurnSink {
    private final Deque<ReplyEvent> events = new ArrayDeque<>();
    private @Nullable Reply reply;
    private @Nullable ParleyException error;
    private boolean closed;

    @Override
    public synchronized void text(String piece) {
      events.add(new ReplyEvent.Text(piece));
      notifyAll();
    }

    @Override
    public synchronized void completed(Reply reply) {
      this.reply = reply;
      events.add(new ReplyEvent.Completed(reply));
      notifyAll();
    }

    @Override
    public synchronized void failed(ParleyException error) {
      if (this.error == null && reply == null) {
        this.error = error;
        notifyAll();
      }
    }

    @Override
    public synchronized boolean full() {
      return events.size() >= BUFFER;
    }

    /** Whether the reply had not ended. */
    synchronized boolean close() {
      boolean running = !closed && reply == null && error == null;
      closed = true;
      notifyAll();
      return running;
    }

    /** Waits for the next event. */
    ReplyEvent take() {
      ReplyEvent event = await();
      call.pull();
      return event;
    }

    private synchronized ReplyEvent await() {
      while (true) {
        if (closed) {
          throw Errors.local(Status.Code.CANCELLED, "CLOSED", "The reply stream is closed", null);
        }
        ReplyEvent event = events.poll();
        if (event != null) {
          return event;
        }
        if (error != null) {
          throw error;
        }
        if (reply != null) {
          return new ReplyEvent.Completed(reply);
        }
        if (call.isDelivering()) {
          throw Conversation.wouldWaitForItself();
        }
        try {
          wait();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw Errors.local(
              Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while reading a reply", e);
        }
      }
    }
  }
}
