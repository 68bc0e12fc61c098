package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.client.testing.FakeParleyServer;
import dev.parley.client.testing.FakeReply;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Interrupting, cancelling, closing: who hears of it, and what lives on. */
@Timeout(60)
class ConversationEndTest {
  private final FakeParleyServer server = FakeParleyServer.start();
  private final ParleyClient client = server.client();
  private final CompletableFuture<Void> never = new CompletableFuture<>();

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  @Test
  void interrupt_replyUnderWay_comesBackAsItIs() {
    server.answer(FakeReply.of("It was ", "a dark ", "night").pausedBefore(2, never));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      CompletableFuture<Reply> story = conversation.sayAsync("Tell me a story");
      server.await(s -> s.deliveredPieces() == 2);

      conversation.interrupt();

      Reply reply = Style.join(story);
      assertThat(reply.finishReason()).isEqualTo(FinishReason.INTERRUPTED);
      assertThat(reply.text()).isEqualTo("It was a dark ");
      assertThat(conversation.say("Thanks").text()).isEqualTo("You said: Thanks");
    }
  }

  @Test
  void bargeIn_interrupting_endsTheReplyUnderWay() {
    server.answer(FakeReply.of("It was ", "a dark").pausedBefore(1, never));
    try (Conversation conversation = client.chat("parley-tiny").bargeIn(BargeIn.INTERRUPT).open()) {
      CompletableFuture<Reply> story = conversation.sayAsync("Tell me a story");
      server.await(s -> s.deliveredPieces() == 1);

      assertThat(conversation.say("Stop").text()).isEqualTo("You said: Stop");
      assertThat(Style.join(story).finishReason()).isEqualTo(FinishReason.INTERRUPTED);
    }
  }

  /** Throws at its end, whatever that is. */
  private static ReplyListener throwing(CompletableFuture<String> told) {
    return new ReplyListener() {
      @Override
      public void onText(String piece) {}

      @Override
      public void onCompleted(Reply reply) {
        told.complete(reply.text());
        throw new IllegalStateException("made by a test");
      }

      @Override
      public void onError(ParleyException error) {
        told.complete(error.getMessage());
        throw new IllegalStateException("made by a test");
      }
    };
  }

  @Test
  void stream_listenerThrowsAtItsEnd_conversationGoesOn() {
    CompletableFuture<String> told = new CompletableFuture<>();
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      conversation.stream("Hello", throwing(told));

      assertThat(told.join()).isEqualTo("You said: Hello");
      assertThat(conversation.say("Still there?").text()).isEqualTo("You said: Still there?");
    }
  }

  @Test
  void close_listenerOfOneTurnThrows_theOthersAreToldToo() {
    server.answer(FakeReply.of("a", "b").pausedBefore(1, never));
    CompletableFuture<String> first = new CompletableFuture<>();
    CompletableFuture<String> second = new CompletableFuture<>();
    Conversation conversation = client.chat("parley-tiny").open();
    conversation.stream("1", throwing(first));
    conversation.stream("2", throwing(second));
    CompletableFuture<Reply> third = conversation.sayAsync("3");
    server.await(s -> s.messages().size() == 3);

    conversation.close();

    assertThat(first.join()).isEqualTo(second.join()).isEqualTo("The conversation was closed");
    assertThatThrownBy(third::join).hasCauseInstanceOf(CancelledException.class);
    conversation.finish();
  }

  @Test
  void cancelFuture_turnUnderWay_interruptsItOnTheServer() {
    server.answer(FakeReply.of("a", "b").pausedBefore(1, never));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      CompletableFuture<Reply> future = conversation.sayAsync("1");
      server.await(s -> s.deliveredPieces() == 1);

      assertThat(future.cancel(true)).isTrue();

      server.await(s -> s.interrupts() == 1);
      assertThat(conversation.say("2").turn()).isEqualTo(2);
    }
  }

  @Test
  void cancelFuture_turnWaits_itIsWithdrawn_theTurnBeforeItGoesOn() {
    CompletableFuture<Void> gate = new CompletableFuture<>();
    server.answer(FakeReply.of("a", "b").pausedBefore(1, gate));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      CompletableFuture<Reply> first = conversation.sayAsync("1");
      CompletableFuture<Reply> second = conversation.sayAsync("2");
      server.await(s -> s.deliveredPieces() == 1 && s.messages().size() == 2);

      second.cancel(true);
      server.await(s -> s.interrupts() == 1);
      gate.complete(null);

      assertThat(Style.join(first).text()).isEqualTo("ab");
      assertThat(Style.join(first).finishReason()).isEqualTo(FinishReason.END_OF_TURN);
      Reply third = conversation.say("3");
      assertThat(third.turn()).isEqualTo(3);
      assertThat(third.text()).isEqualTo("You said: 3");
      assertThat(server.interrupts()).isEqualTo(1);
    }
  }

  @Test
  void cancelDerivedFuture_turnUnderWay_leavesItAlone() {
    CompletableFuture<Void> gate = new CompletableFuture<>();
    server.answer(FakeReply.of("a").pausedBefore(0, gate));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      CompletableFuture<Reply> reply = conversation.sayAsync("1");
      assertThat(reply.thenApply(Reply::text).cancel(true)).isTrue();
      gate.complete(null);
      assertThat(Style.join(reply).text()).isEqualTo("a");
    }
    assertThat(server.interrupts()).isZero();
  }

  @Test
  void closeStream_beforeTheEnd_interruptsAndConversationLivesOn() {
    server.answer(FakeReply.of("a", "b").pausedBefore(1, never));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      try (ReplyStream stream = conversation.stream("1")) {
        Iterator<ReplyEvent> events = stream.iterator();
        assertThat(events.next()).isEqualTo(new ReplyEvent.Text("a"));
      }
      assertThat(conversation.say("2").text()).isEqualTo("You said: 2");
    }
    assertThat(server.interrupts()).isEqualTo(1);
  }

  @Test
  void closeStream_afterTheEnd_interruptsNothing() {
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      try (ReplyStream stream = conversation.stream("1")) {
        assertThat(stream.await().text()).isEqualTo("You said: 1");
        assertThat(stream.await().text()).isEqualTo("You said: 1");
      }
      var unused = conversation.say("2");
    }
    assertThat(server.interrupts()).isZero();
  }

  @Test
  void iterateStream_secondTime_throws() {
    try (Conversation conversation = client.chat("parley-tiny").open();
        ReplyStream stream = conversation.stream("1")) {
      assertThat(stream.stream().toList()).hasSize(3);
      assertThatThrownBy(stream::iterator).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void cancelSubscription_insideListener_lastCallIsOnError() {
    server.answer(FakeReply.of("a", "b", "c").pausedBefore(2, never));
    StringBuilder calls = new StringBuilder();
    CompletableFuture<Void> end = new CompletableFuture<>();
    AtomicReference<Subscription> subscription = new AtomicReference<>();
    CompletableFuture<Void> known = new CompletableFuture<>();
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      subscription.set(
          conversation.stream(
              "1",
              new ReplyListener() {
                @Override
                public void onText(String piece) {
                  Style.join(known);
                  calls.append('<');
                  subscription.get().cancel();
                  calls.append(piece).append('>');
                }

                @Override
                public void onCompleted(Reply reply) {
                  calls.append("completed");
                }

                @Override
                public void onError(ParleyException error) {
                  calls.append(error.code());
                  end.complete(null);
                }
              }));
      known.complete(null);
      Style.join(end);
      assertThat(subscription.get().isCancelled()).isTrue();
      assertThat(conversation.say("2").text()).isEqualTo("You said: 2");
    }
    assertThat(calls).hasToString("<a>CANCELLED");
    assertThat(server.interrupts()).isEqualTo(1);
  }

  @Test
  void listenerThrows_itsReplyIsGivenUp_conversationLivesOn() {
    server.answer(FakeReply.of("a", "b").pausedBefore(1, never));
    CompletableFuture<ParleyException> heard = new CompletableFuture<>();
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      var unused =
          conversation.stream(
              "1",
              new ReplyListener() {
                @Override
                public void onText(String piece) {
                  throw new IllegalArgumentException("on purpose");
                }

                @Override
                public void onCompleted(Reply reply) {}

                @Override
                public void onError(ParleyException error) {
                  heard.complete(error);
                }
              });
      assertThat(Style.join(heard)).hasMessageContaining("on purpose");
      assertThat(conversation.say("2").text()).isEqualTo("You said: 2");
    }
  }

  @Test
  void interruptThread_waitingForReply_interruptsTheTurnAndKeepsTheFlag() throws Exception {
    server.answer(FakeReply.of("a", "b").pausedBefore(1, never));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      CompletableFuture<Boolean> flag = new CompletableFuture<>();
      CompletableFuture<Throwable> thrown = new CompletableFuture<>();
      Thread talker =
          new Thread(
              () -> {
                try {
                  var unused = conversation.say("1");
                } catch (RuntimeException e) {
                  flag.complete(Thread.currentThread().isInterrupted());
                  thrown.complete(e);
                }
              });
      talker.start();
      server.await(s -> s.deliveredPieces() == 1);
      talker.interrupt();

      assertThat(Style.join(flag)).isTrue();
      assertThat(Style.join(thrown)).isInstanceOf(CancelledException.class);
      server.await(s -> s.interrupts() == 1);
      talker.join();
    }
  }

  @Test
  void finish_repliesUnderWay_letsThemCome() {
    CompletableFuture<Void> gate = new CompletableFuture<>();
    server.answer(FakeReply.of("a").pausedBefore(0, gate));
    Conversation conversation = client.chat("parley-tiny").open();
    CompletableFuture<Reply> first = conversation.sayAsync("1");
    CompletableFuture<Reply> second = conversation.sayAsync("2");
    CompletableFuture<Void> finished = CompletableFuture.runAsync(conversation::finish);
    server.await(s -> s.messages().size() == 2);
    gate.complete(null);

    Style.join(finished);
    assertThat(first).isCompletedWithValueMatching(reply -> reply.text().equals("a"));
    assertThat(second).isCompletedWithValueMatching(reply -> reply.turn() == 2);
    assertThat(server.openConversations()).isZero();
    assertThat(server.cancellations()).isZero();
    conversation.close();
  }

  @Test
  void close_repliesUnderWay_failsThemAndTellsTheServer() {
    server.answer(FakeReply.of("a", "b").pausedBefore(1, never));
    Conversation conversation = client.chat("parley-tiny").open();
    CompletableFuture<Reply> first = conversation.sayAsync("1");
    CompletableFuture<Reply> second = conversation.sayAsync("2");
    server.await(s -> s.deliveredPieces() == 1);

    conversation.close();
    conversation.close();

    assertThatThrownBy(() -> Style.join(first)).isInstanceOf(CancelledException.class);
    assertThatThrownBy(() -> Style.join(second)).isInstanceOf(CancelledException.class);
    server.await(s -> s.cancellations() == 1 && s.openConversations() == 0);
  }

  @Test
  void closeClient_openConversation_endsItAtOnce() {
    server.answer(FakeReply.of("a").pausedBefore(0, never));
    ParleyClient other = server.client();
    CompletableFuture<Reply> reply = other.chat("parley-tiny").open().sayAsync("1");
    other.close();
    assertThatThrownBy(() -> Style.join(reply)).isInstanceOf(CancelledException.class);
    // The channel was given to the client: it is not closed with it.
    client.chat("parley-tiny").open().close();
  }
}
