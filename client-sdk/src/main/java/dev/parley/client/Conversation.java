package dev.parley.client;

import dev.parley.v1.ChatRequest;
import dev.parley.v1.Feedback;
import dev.parley.v1.SetupComplete;
import io.grpc.Status;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * A conversation with one model: its history is kept by the server, its messages are answered in
 * their order. Made by {@link ChatBuilder#open}; thread-safe.
 *
 * <p>Each message can be said in three ways: {@link #say(String) say} waits for the reply, {@link
 * #sayAsync(String) sayAsync} returns a future, {@link #stream(String) stream} gives the reply
 * piece by piece. All throw or deliver the same {@link ParleyException}s. An error of one turn
 * leaves the conversation and its history as they were before the message; an error of the
 * conversation (the connection is lost, the server stops) fails every turn under way and all later
 * ones.
 *
 * <p>Futures and listeners are completed on the conversation's own thread. To wait there for the
 * same conversation would wait for ever; {@link #say(String) say} throws IllegalStateException
 * instead, and {@link #sayAsync(String) sayAsync} is the way.
 */
public final class Conversation implements AutoCloseable {
  private final ChatCall call;
  private final SetupComplete setup;

  Conversation(ChatCall call, SetupComplete setup) {
    this.call = call;
    this.setup = setup;
  }

  /** Names the conversation in the server's logs. */
  public String id() {
    return setup.getConversationId();
  }

  /** The exact model that answers. */
  public ServedModel model() {
    return Convert.servedModel(setup.getModel());
  }

  /** Tokens of history and reply that the model can see at once. */
  public int contextLimitTokens() {
    return setup.getContextLimitTokens();
  }

  /** Tokens of the history that was given, ends of turns included. */
  public int historyTokens() {
    return setup.getHistoryTokens();
  }

  /** The options in force, defaults filled in. */
  public GenerationOptions generation() {
    return Convert.generation(setup.getGeneration());
  }

  /** Says something and waits for the whole reply. */
  public Reply say(String text) {
    return say(text, GenerationOptions.defaults());
  }

  /** As {@link #say(String)}, with options that replace the conversation's for this turn. */
  public Reply say(String text, GenerationOptions overrides) {
    if (call.isDelivering()) {
      throw wouldWaitForItself();
    }
    ReplyFuture reply = new ReplyFuture(call);
    reply.say(text, overrides);
    return reply.await();
  }

  /**
   * Says something; the future has the whole reply. Cancelling the future interrupts the turn on
   * the server; cancelling a future that was derived from it does not.
   */
  public CompletableFuture<Reply> sayAsync(String text) {
    return sayAsync(text, GenerationOptions.defaults());
  }

  /** As {@link #sayAsync(String)}, with options that replace the conversation's for this turn. */
  public CompletableFuture<Reply> sayAsync(String text, GenerationOptions overrides) {
    ReplyFuture reply = new ReplyFuture(call);
    try {
      reply.say(text, overrides);
    } catch (ParleyException e) {
      reply.completeExceptionally(e);
    }
    return reply;
  }

  /** Says something and gives the reply piece by piece. Close what is returned. */
  public ReplyStream stream(String text) {
    return stream(text, GenerationOptions.defaults());
  }

  /** As {@link #stream(String)}, with options that replace the conversation's for this turn. */
  public ReplyStream stream(String text, GenerationOptions overrides) {
    return new ReplyStream(call, text, overrides);
  }

  /** Says something; the listener hears the reply piece by piece. */
  public Subscription stream(String text, ReplyListener listener) {
    return stream(text, GenerationOptions.defaults(), listener);
  }

  /**
   * As {@link #stream(String, ReplyListener)}, with options that replace the conversation's for
   * this turn.
   */
  public Subscription stream(String text, GenerationOptions overrides, ReplyListener listener) {
    ListenerSink sink = new ListenerSink(call, listener);
    try {
      sink.say(text, overrides);
    } catch (ParleyException e) {
      sink.failed(e);
    }
    return sink;
  }

  /**
   * Ends the reply under way at the server's next step: it comes back as it is, with {@link
   * FinishReason#INTERRUPTED}, and stays so in the history. Without a reply under way nothing
   * happens. To end one turn and no other, cancel its future or close its stream.
   */
  public void interrupt() {
    call.interrupt();
  }

  /** Judges an earlier reply. */
  public void feedback(Reply reply, Rating rating) {
    feedback(reply.turn(), rating, Optional.empty());
  }

  /**
   * Judges an earlier turn.
   *
   * @param turn as in {@link Reply#turn}
   * @param correction what the reply should have been
   */
  public void feedback(int turn, Rating rating, Optional<String> correction) {
    Feedback.Builder feedback =
        Feedback.newBuilder().setTurn(turn).setRating(Convert.proto(rating));
    correction.ifPresent(feedback::setCorrection);
    call.send(ChatRequest.newBuilder().setFeedback(feedback).build());
  }

  /** Whether a message can be said. */
  public boolean isOpen() {
    return call.isOpen();
  }

  /** The server's announcement that it is about to stop, once it has come. */
  public Optional<GoAway> goAway() {
    return call.goAway();
  }

  /** Sends no more messages, and returns when the replies under way have come. */
  public void finish() {
    if (call.isDelivering()) {
      throw wouldWaitForItself();
    }
    CompletableFuture<Void> ended = call.finish();
    try {
      ended.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Errors.local(
          Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while finishing", e);
    } catch (ExecutionException e) {
      throw Errors.from(e);
    }
  }

  /**
   * Ends the conversation. Replies that somebody still waits for fail with a {@link
   * CancelledException}; see {@link #finish} to let them come. Does not wait.
   */
  @Override
  public void close() {
    call.close("The conversation was closed");
  }

  static IllegalStateException wouldWaitForItself() {
    return new IllegalStateException(
        "This thread delivers the conversation's replies: waiting here for another one would wait"
            + " for ever. Use sayAsync, or hand over to another thread (thenApplyAsync)");
  }
}
