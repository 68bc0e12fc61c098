package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.client.testing.FakeParleyServer;
import dev.parley.client.testing.FakeReply;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FlowControlTest {
  private static final List<String> LONG = numbers(300);

  private final FakeParleyServer server = FakeParleyServer.start();
  private final ParleyClient client = server.client();

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  @Test
  void stream_readerDoesNotRead_serverIsHeldBack() {
    server.answer(FakeReply.of(LONG));
    try (Conversation conversation = client.chat("parley-tiny").open();
        ReplyStream stream = conversation.stream("Count")) {
      server.await(s -> s.deliveredPieces() == ReplyStream.BUFFER);
      settle();
      assertThat(server.deliveredPieces()).isEqualTo(ReplyStream.BUFFER);

      Iterator<ReplyEvent> events = stream.iterator();
      for (int taken = 1; taken <= 5; taken++) {
        assertThat(events.next()).isEqualTo(new ReplyEvent.Text(LONG.get(taken - 1)));
        int expected = ReplyStream.BUFFER + taken;
        server.await(s -> s.deliveredPieces() == expected);
        settle();
        assertThat(server.deliveredPieces()).isEqualTo(expected);
      }
      assertThat(stream.await().text()).isEqualTo(String.join("", LONG));
    }
  }

  @Test
  void stream_readerDoesNotRead_otherConversationsGoOn() {
    server.answer(FakeReply.of(LONG));
    try (Conversation slow = client.chat("parley-tiny").open();
        ReplyStream unread = slow.stream("Count");
        Conversation quick = client.chat("parley-tiny").open()) {
      server.await(s -> s.deliveredPieces() == ReplyStream.BUFFER);
      assertThat(quick.say("Hi").text()).isEqualTo("You said: Hi");
      assertThat(unread.await().text()).hasSize(String.join("", LONG).length());
    }
  }

  @Test
  void stream_laterMessageWaitsForUnreadReply_restIsTakenIn() {
    server.answer(FakeReply.of(LONG));
    try (Conversation conversation = client.chat("parley-tiny").open();
        ReplyStream unread = conversation.stream("Count")) {
      assertThat(conversation.say("And now?").text()).isEqualTo("You said: And now?");
      assertThat(unread.await().text()).isEqualTo(String.join("", LONG));
    }
  }

  @Test
  void listener_busyWithPiece_nextIsNotAskedFor() {
    server.answer(FakeReply.of(LONG));
    CompletableFuture<Void> busy = new CompletableFuture<>();
    CompletableFuture<Void> release = new CompletableFuture<>();
    CompletableFuture<Reply> end = new CompletableFuture<>();
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      var unused =
          conversation.stream(
              "Count",
              new ReplyListener() {
                @Override
                public void onText(String piece) {
                  busy.complete(null);
                  Style.join(release);
                }

                @Override
                public void onCompleted(Reply reply) {
                  end.complete(reply);
                }

                @Override
                public void onError(ParleyException error) {
                  end.completeExceptionally(error);
                }
              });
      Style.join(busy);
      settle();
      assertThat(server.deliveredPieces()).isEqualTo(1);
      release.complete(null);
      assertThat(Style.join(end).text()).isEqualTo(String.join("", LONG));
    }
  }

  /** A whole turn of another conversation: time enough for a server that is not held back. */
  private void settle() {
    int before = server.deliveredPieces();
    try (Conversation other = client.chat("parley-tiny").open()) {
      server.answer(FakeReply.of());
      var unused = other.say("?");
    }
    assertThat(server.deliveredPieces()).isGreaterThanOrEqualTo(before);
  }

  private static List<String> numbers(int count) {
    List<String> numbers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      numbers.add(i + " ");
    }
    return numbers;
  }
}
