package dev.parley.client.testing;

import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.Feedback;
import dev.parley.v1.GoAway;
import dev.parley.v1.ServedModel;
import dev.parley.v1.UserMessage;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The scripted ChatService of a {@link FakeParleyServer}, and what it has seen. */
final class FakeChatService extends ChatServiceGrpc.ChatServiceImplBase {
  private final FakeModelService models;
  private final Deque<FakeReply> script = new ArrayDeque<>();
  private final Deque<FakeError> refusals = new ArrayDeque<>();
  private final Set<FakeConversation> open = new LinkedHashSet<>();
  private final List<UserMessage> messages = new ArrayList<>();
  private final List<Feedback> feedback = new ArrayList<>();
  private Function<String, FakeReply> otherwise = text -> FakeReply.of("You said: ", text);
  private boolean silent;
  private int conversations;
  private int interrupts;
  private int cancellations;
  private int delivered;

  FakeChatService(FakeModelService models) {
    this.models = models;
  }

  @Override
  public StreamObserver<ChatRequest> chat(StreamObserver<ChatResponse> responses) {
    FakeConversation conversation;
    Optional<FakeError> refusal;
    synchronized (this) {
      conversation =
          new FakeConversation(
              this,
              "conversation-" + ++conversations,
              (ServerCallStreamObserver<ChatResponse>) responses);
      open.add(conversation);
      refusal = Optional.ofNullable(refusals.poll());
    }
    refusal.ifPresent(conversation::fail);
    return conversation;
  }

  synchronized void answer(FakeReply reply) {
    script.add(reply);
  }

  synchronized void answerWith(Function<String, FakeReply> function) {
    otherwise = function;
  }

  synchronized void refuse(FakeError error) {
    refusals.add(error);
  }

  synchronized void silent() {
    silent = true;
  }

  synchronized boolean isSilent() {
    return silent;
  }

  void announce(GoAway goAway) {
    open().forEach(conversation -> conversation.announce(goAway));
  }

  void breakAll(FakeError error) {
    open().forEach(conversation -> conversation.fail(error));
  }

  FakeReply replyTo(String text) {
    Function<String, FakeReply> function;
    synchronized (this) {
      FakeReply scripted = script.poll();
      if (scripted != null) {
        return scripted;
      }
      function = otherwise;
    }
    return function.apply(text);
  }

  @Nullable ServedModel resolve(String reference) {
    return models.served(reference);
  }

  synchronized void said(UserMessage message) {
    messages.add(message);
    notifyAll();
  }

  synchronized void judged(Feedback judgement) {
    feedback.add(judgement);
    notifyAll();
  }

  synchronized void interrupted() {
    interrupts++;
    notifyAll();
  }

  synchronized void delivered() {
    delivered++;
    notifyAll();
  }

  synchronized void wasCancelled() {
    cancellations++;
    notifyAll();
  }

  synchronized void ended(FakeConversation conversation) {
    open.remove(conversation);
    notifyAll();
  }

  synchronized List<UserMessage> messages() {
    return List.copyOf(messages);
  }

  synchronized List<Feedback> feedback() {
    return List.copyOf(feedback);
  }

  synchronized int conversations() {
    return conversations;
  }

  synchronized int openConversations() {
    return open.size();
  }

  synchronized int interrupts() {
    return interrupts;
  }

  synchronized int cancellations() {
    return cancellations;
  }

  synchronized int deliveredPieces() {
    return delivered;
  }

  /** Waits for a change that makes the condition true. */
  void await(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    synchronized (this) {
      while (!condition.getAsBoolean()) {
        long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        if (left <= 0) {
          throw new AssertionError("The server has not seen it after 10 s");
        }
        try {
          wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new AssertionError("Interrupted while waiting for the server", e);
        }
      }
    }
  }

  private synchronized List<FakeConversation> open() {
    return List.copyOf(open);
  }
}
