package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.parley.client.testing.FakeError;
import dev.parley.client.testing.FakeParleyServer;
import dev.parley.client.testing.FakeReply;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class ConversationTest {
  private final FakeParleyServer server = FakeParleyServer.start();
  private final ParleyClient client = server.client();

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  @Test
  void open_knownModel_saysWhoAnswers() {
    server.addVersion("barista");
    server.addVersion("barista");
    GenerationOptions options =
        GenerationOptions.builder().temperature(0.5).topK(40).stop("\n").seed(7).build();

    try (Conversation conversation =
        client
            .chat("barista@2")
            .generation(options)
            .history(List.of(HistoryTurn.user("Hi"), HistoryTurn.assistant("Hello")))
            .open()) {
      assertThat(conversation.model().reference()).isEqualTo("barista@2");
      assertThat(conversation.generation()).isEqualTo(options);
      assertThat(conversation.historyTokens()).isEqualTo(2);
      assertThat(conversation.contextLimitTokens()).isEqualTo(1024);
      assertThat(conversation.id()).isEqualTo("conversation-1");
      assertThat(conversation.isOpen()).isTrue();
    }
    server.await(s -> s.openConversations() == 0);
    assertThat(server.cancellations()).isZero();
  }

  @Test
  void open_unknownModel_throwsModelNotFound() {
    assertThatThrownBy(() -> client.chat("nobody").open())
        .isInstanceOfSatisfying(
            ModelNotFoundException.class,
            e -> {
              assertThat(e.code()).isEqualTo(Status.Code.NOT_FOUND);
              assertThat(e.reason()).isEqualTo("MODEL_NOT_FOUND");
              assertThat(e).hasMessage("There is no model nobody");
            });
  }

  @Test
  void open_serverFull_throwsOverloadedWithRetryAfter() {
    server.refuseConversation(FakeError.overloaded(Duration.ofMillis(250)));

    OverloadedException full =
        catchThrowableOfType(OverloadedException.class, () -> client.chat("parley-tiny").open());

    assertThat(full.retryAfter()).contains(Duration.ofMillis(250));
    assertThat(full.retryable()).isTrue();
    client.chat("parley-tiny").open().close();
  }

  @ParameterizedTest
  @EnumSource(Style.class)
  void say_severalTurns_repliesInOrder(Style style) {
    server.answer(FakeReply.of("At ", "eight."));
    server.answer(FakeReply.of("No", "t today").stoppedBy("!"));
    server.answer(FakeReply.of().finishing(FinishReason.MAX_TOKENS));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      Reply first = style.say(conversation, "When do you open?");
      Reply second = style.say(conversation, "On Sundays?");
      Reply third = style.say(conversation, "Really?");

      assertThat(first.text()).isEqualTo("At eight.");
      assertThat(first.turn()).isEqualTo(1);
      assertThat(first.finishReason()).isEqualTo(FinishReason.END_OF_TURN);
      assertThat(first.stopText()).isEmpty();
      assertThat(first.usage().generatedTokens()).isEqualTo(3);
      assertThat(first.model()).isEqualTo(conversation.model());
      assertThat(second.stopText()).contains("!");
      assertThat(second.finishReason()).isEqualTo(FinishReason.STOP_TEXT);
      assertThat(third.text()).isEmpty();
      assertThat(third.turn()).isEqualTo(3);
    }
    assertThat(server.messages()).containsExactly("When do you open?", "On Sundays?", "Really?");
  }

  @ParameterizedTest
  @EnumSource(Style.class)
  void say_longReply_arrivesWhole(Style style) {
    List<String> pieces = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      pieces.add(i + " ");
    }
    server.answer(FakeReply.of(pieces));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      assertThat(style.say(conversation, "Count").text()).isEqualTo(String.join("", pieces));
    }
  }

  @ParameterizedTest
  @EnumSource(Style.class)
  void say_turnFails_conversationGoesOn(Style style) {
    server.answer(
        FakeReply.of("half").thenFail(FakeError.invalid("message.text", "longer than 1024")));
    server.answer(FakeReply.of("Fine."));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      assertThatThrownBy(() -> style.say(conversation, "x".repeat(10)))
          .isInstanceOfSatisfying(
              InvalidRequestException.class,
              e ->
                  assertThat(e.fieldViolations())
                      .containsExactly(new FieldViolation("message.text", "longer than 1024")));
      assertThat(conversation.isOpen()).isTrue();
      assertThat(style.say(conversation, "short").text()).isEqualTo("Fine.");
    }
  }

  @ParameterizedTest
  @EnumSource(Style.class)
  void say_streamDies_failsThisTurnAndLaterOnes(Style style) {
    server.answer(
        FakeReply.of("half")
            .thenBreak(FakeError.of(Status.Code.UNAVAILABLE, "DRAINING", "The server stops")));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> style.say(conversation, "Hello?"))
            .isInstanceOf(UnavailableException.class)
            .hasMessage("The server stops")
            .satisfies(e -> assertThat(((ParleyException) e).reason()).isEqualTo("DRAINING"));
      }
      assertThat(conversation.isOpen()).isFalse();
    }
    assertThat(server.messages()).hasSize(1);
  }

  @ParameterizedTest
  @EnumSource(Style.class)
  void say_streamEndsInTheMiddleWithOk_isAnError(Style style) {
    server.answer(FakeReply.of("half").thenTruncate());
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      assertThatThrownBy(() -> style.say(conversation, "Hello?"))
          .isInstanceOf(ServerException.class)
          .hasMessageContaining("before it had answered");
    }
  }

  @ParameterizedTest
  @EnumSource(Style.class)
  void say_conversationClosed_throwsIllegalState(Style style) {
    Conversation conversation = client.chat("parley-tiny").open();
    conversation.close();
    assertThatThrownBy(() -> style.say(conversation, "Hello?"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void streamDies_everyPendingTurnFailsWithItsOwnException() {
    server.answer(FakeReply.of("a").pausedBefore(1, new CompletableFuture<>()));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      CompletableFuture<Reply> first = conversation.sayAsync("1");
      CompletableFuture<Reply> second = conversation.sayAsync("2");
      server.await(s -> s.deliveredPieces() == 1 && s.messages().size() == 2);

      server.breakStreams(FakeError.of(Status.Code.INTERNAL, "BUG", "Out of order"));

      ServerException one = catchThrowableOfType(ServerException.class, () -> Style.join(first));
      ServerException two = catchThrowableOfType(ServerException.class, () -> Style.join(second));
      assertThat(one).hasMessage("Out of order").isNotSameAs(two);
      assertThat(two).hasMessage("Out of order");
    }
  }

  @Test
  void say_optionsForOneMessage_goWithThatMessageOnly() {
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      Reply reply = conversation.say("a", GenerationOptions.builder().seed(99).build());
      var unused = conversation.say("b");
      assertThat(reply.seed()).isEqualTo(99);
    }
    assertThat(server.userMessages().get(0).getGeneration().getSeed()).isEqualTo(99);
    assertThat(server.userMessages().get(1).getGeneration().hasSeed()).isFalse();
  }

  @Test
  void say_insideCallbackOfTheConversation_throwsInsteadOfWaitingForItself() {
    CompletableFuture<Void> gate = new CompletableFuture<>();
    server.answer(FakeReply.of("a").pausedBefore(0, gate));
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      CompletableFuture<Reply> blocked =
          conversation.sayAsync("1").thenApply(reply -> conversation.say("2"));
      CompletableFuture<Reply> chained =
          conversation.sayAsync("3").thenCompose(reply -> conversation.sayAsync("4"));
      gate.complete(null);

      assertThatThrownBy(() -> Style.join(blocked)).isInstanceOf(IllegalStateException.class);
      assertThat(Style.join(chained).text()).isEqualTo("You said: 4");
    }
  }

  @Test
  void feedback_afterReply_reachesServer() {
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      conversation.feedback(conversation.say("Hi"), Rating.GOOD);
      conversation.feedback(7, Rating.BAD, Optional.of("Better so"));
      conversation.finish();
    }
    assertThat(server.ratings()).containsEntry(1, Rating.GOOD).containsEntry(7, Rating.BAD);
  }

  @Test
  void goAway_whileOpen_reachesListenerAndConversation() {
    CompletableFuture<GoAway> heard = new CompletableFuture<>();
    GoAway announcement = new GoAway(Duration.ofSeconds(20), "handle-1");
    try (Conversation conversation = client.chat("parley-tiny").onGoAway(heard::complete).open()) {
      server.goAway(announcement);

      assertThat(Style.join(heard)).isEqualTo(announcement);
      assertThat(conversation.goAway()).contains(announcement);
      assertThat(conversation.say("Still there?").text()).isEqualTo("You said: Still there?");
    }
  }

  @Test
  void say_fromTwoThreads_eachGetsItsOwnReply() throws Exception {
    try (Conversation conversation = client.chat("parley-tiny").open()) {
      List<CompletableFuture<Void>> talks = new ArrayList<>();
      for (String name : List.of("ann", "bob")) {
        talks.add(
            CompletableFuture.runAsync(
                () -> {
                  for (int i = 0; i < 25; i++) {
                    for (Style style : Style.values()) {
                      String text = name + i + style;
                      assertThat(style.say(conversation, text).text())
                          .isEqualTo("You said: " + text);
                    }
                  }
                }));
      }
      for (CompletableFuture<Void> talk : talks) {
        Style.join(talk);
      }
    }
    assertThat(server.messages()).hasSize(200);
    assertThat(server.interrupts()).isZero();
  }
}
