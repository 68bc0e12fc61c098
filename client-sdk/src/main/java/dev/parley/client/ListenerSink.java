package dev.parley.client;

import io.grpc.Status;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands a reply to a listener, never two calls at once: an end that arrives while the listener is
 * busy, from a timer or from a cancellation, is told when the listener has returned.
 */
final class ListenerSink implements TurnSink, Subscription {
  private static final Logger log = LoggerFactory.getLogger(ListenerSink.class);

  private final ReplyListener listener;
  private final ChatCall call;
  private @Nullable Turn turn;
  private boolean busy;
  private boolean done;
  private boolean cancelled;
  private @Nullable Runnable last;

  ListenerSink(ChatCall call, ReplyListener listener) {
    this.call = call;
    this.listener = listener;
  }

  /** Sends the message. */
  void say(String text, GenerationOptions overrides) {
    Turn said = call.say(text, overrides, this);
    boolean late;
    synchronized (this) {
      turn = said;
      late = cancelled;
    }
    if (late) {
      call.abandon(said, null);
    }
  }

  @Override
  public void text(String piece) {
    synchronized (this) {
      if (done) {
        return;
      }
      busy = true;
    }
    try {
      listener.onText(piece);
    } catch (RuntimeException e) {
      log.warn("A reply listener threw; its reply is given up", e);
      cancel(Errors.local(Status.Code.CANCELLED, "LISTENER_FAILED", "The listener threw " + e, e));
    }
    Runnable end;
    synchronized (this) {
      busy = false;
      end = last;
      last = null;
    }
    if (end != null) {
      end.run();
    }
  }

  @Override
  public void completed(Reply reply) {
    end(() -> guarded(() -> listener.onCompleted(reply)));
  }

  @Override
  public void failed(ParleyException error) {
    end(() -> guarded(() -> listener.onError(error)));
  }

  /** The reply has ended: what the listener throws concerns no other turn. */
  private static void guarded(Runnable last) {
    try {
      last.run();
    } catch (RuntimeException e) {
      log.warn("A reply listener threw at the end of its reply", e);
    }
  }

  @Override
  public void cancel() {
    cancel(
        Errors.local(Status.Code.CANCELLED, "CANCELLED", "The subscription was cancelled", null));
  }

  @Override
  public synchronized boolean isCancelled() {
    return cancelled;
  }

  private void cancel(ParleyException error) {
    Turn said;
    synchronized (this) {
      if (done) {
        return;
      }
      cancelled = true;
      said = turn;
    }
    if (said != null) {
      call.abandon(said, null);
    }
    failed(error);
  }

  private void end(Runnable call) {
    synchronized (this) {
      if (done) {
        return;
      }
      done = true;
      if (busy) {
        last = call;
        return;
      }
    }
    call.run();
  }
}
