package dev.parley.client;

import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** A reply to come. Cancelling it interrupts its turn on the server. */
final class ReplyFuture extends CompletableFuture<Reply> implements TurnSink {
  private final ChatCall call;
  private volatile @Nullable Turn turn;

  ReplyFuture(ChatCall call) {
    this.call = call;
  }

  void say(String text, GenerationOptions overrides) {
    Turn said = call.say(text, overrides, this);
    turn = said;
    if (isCancelled()) {
      call.abandon(said, null);
    }
  }

  /** Waits; an interrupt of this thread interrupts the turn, too. */
  Reply await() {
    try {
      return get();
    } catch (InterruptedException e) {
      cancel(true);
      Thread.currentThread().interrupt();
      throw Errors.local(
          Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while waiting for a reply", e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      throw Errors.from(cause == null ? e : cause);
    }
  }

  /** Tells the server, whatever {@code mayInterruptIfRunning} says: a reply costs a machine. */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean cancelled = super.cancel(mayInterruptIfRunning);
    Turn said = turn;
    if (cancelled && said != null) {
      call.abandon(said, null);
    }
    return cancelled;
  }

  /** Dependents are plain futures: cancelling one of them leaves the turn alone. */
  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }

  @Override
  public void text(String piece) {}

  @Override
  public void completed(Reply reply) {
    complete(reply);
  }

  @Override
  public void failed(ParleyException error) {
    completeExceptionally(error);
  }
}
