package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.client.testing.FakeParleyServer;
import dev.parley.client.testing.FakeReply;
import java.time.Duration;
import java.util.Collections;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WatchdogTest {
  private static final Duration FIRST = Duration.ofSeconds(10);
  private static final Duration BETWEEN = Duration.ofSeconds(2);

  private final FakeTimers timers = new FakeTimers();
  private final FakeParleyServer server = FakeParleyServer.start();
  private final ParleyClient client = server.clientBuilder().timers(timers).build();
  private final CompletableFuture<Void> never = new CompletableFuture<>();

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  private Conversation open() {
    return client.chat("parley-tiny").firstTokenTimeout(FIRST).betweenTokensTimeout(BETWEEN).open();
  }

  @Test
  void firstToken_doesNotCome_turnFailsAndIsInterrupted() {
    server.answer(FakeReply.of("a").pausedBefore(0, never));
    try (Conversation conversation = open()) {
      CompletableFuture<Reply> reply = conversation.sayAsync("1");
      server.await(s -> s.messages().size() == 1);
      timers.advance(FIRST.minusMillis(1));
      assertThat(reply).isNotDone();

      timers.advance(Duration.ofMillis(1));

      assertThatThrownBy(() -> Style.join(reply))
          .isInstanceOf(DeadlineExceededException.class)
          .hasMessageContaining("No first token within PT10S");
      assertThat(conversation.say("2").text()).isEqualTo("You said: 2");
      assertThat(server.interrupts()).isEqualTo(1);
      assertThat(timers.running()).isZero();
    }
  }

  @Test
  void nextToken_doesNotCome_streamFailsAfterItsPieces() {
    server.answer(FakeReply.of("a", "b").pausedBefore(1, never));
    try (Conversation conversation = open();
        ReplyStream stream = conversation.stream("1")) {
      Iterator<ReplyEvent> events = stream.iterator();
      assertThat(events.next()).isEqualTo(new ReplyEvent.Text("a"));

      timers.advance(BETWEEN);

      assertThatThrownBy(events::next)
          .isInstanceOf(DeadlineExceededException.class)
          .hasMessageContaining("No further token within PT2S");
      server.await(s -> s.interrupts() == 1);
    }
  }

  @Test
  void waitingTurn_watchedFromItsOwnStart() {
    CompletableFuture<Void> gate = new CompletableFuture<>();
    server.answer(FakeReply.of("a").pausedBefore(0, gate));
    server.answer(FakeReply.of("b").pausedBefore(0, never));
    try (Conversation conversation = open()) {
      CompletableFuture<Reply> first = conversation.sayAsync("1");
      CompletableFuture<Reply> second = conversation.sayAsync("2");
      server.await(s -> s.messages().size() == 2);
      timers.advance(FIRST.minusMillis(1));
      gate.complete(null);
      assertThat(Style.join(first).text()).isEqualTo("a");

      timers.advance(FIRST.minusMillis(1));
      assertThat(second).isNotDone();
      timers.advance(Duration.ofMillis(1));
      assertThatThrownBy(() -> Style.join(second)).isInstanceOf(DeadlineExceededException.class);
    }
  }

  @Test
  void slowReader_isNotTheServersFault() {
    server.answer(FakeReply.of(Collections.nCopies(20, "a")));
    try (Conversation conversation = open();
        ReplyStream stream = conversation.stream("1")) {
      server.await(s -> s.deliveredPieces() == ReplyStream.BUFFER);
      timers.awaitRunning(0); // The last piece is taken in: now the reader is waited for.
      timers.advance(Duration.ofHours(1));
      assertThat(stream.await().text()).isEqualTo("a".repeat(20));
    }
    assertThat(server.interrupts()).isZero();
  }

  @Test
  void open_serverSilent_throwsAfterOpenTimeout() {
    server.silent();
    CompletableFuture<Conversation> opening =
        client.chat("parley-tiny").openTimeout(Duration.ofSeconds(3)).openAsync();
    timers.advance(Duration.ofMillis(2999));
    assertThat(opening).isNotDone();
    timers.advance(Duration.ofMillis(1));
    assertThatThrownBy(() -> Style.join(opening))
        .isInstanceOf(DeadlineExceededException.class)
        .hasMessageContaining("PT3S");
    server.await(s -> s.cancellations() == 1);
  }

  @Test
  void everyTurnEnded_noTimerIsLeft() {
    try (Conversation conversation = open()) {
      for (Style style : Style.values()) {
        var unused = style.say(conversation, "Hi");
      }
    }
    assertThat(timers.running()).isZero();
  }
}
