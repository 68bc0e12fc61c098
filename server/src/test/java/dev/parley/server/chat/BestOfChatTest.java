package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.Settled;
import dev.parley.server.engine.TinyModel;
import dev.parley.v1.Candidate;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.HistoryTurn;
import dev.parley.v1.Role;
import dev.parley.v1.TurnComplete;
import dev.parley.v1.UserMessage;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** best_of as a client sees it. */
class BestOfChatTest {
  private static final GenerationParameters BEST_OF_FOUR =
      GenerationParameters.newBuilder()
          .setMaxNewTokens(12)
          .setDoSample(true)
          .setTopK(50)
          .setSeed(7)
          .setBestOf(4)
          .build();

  private final ChatServer server = new ChatServer();

  @AfterEach
  void close() throws Exception {
    Settled.await(server.model.engine);
    assertThat(server.model.engine.turns()).isZero();
    assertThat(server.model.engine.state().activeKvTokens()).isZero();
    server.close();
  }

  private TestChat chat(GenerationParameters generation) {
    TestChat chat = TestChat.open(server.channel);
    chat.setup(
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setReturnCandidates(true)
            .setGeneration(generation)
            .build());
    assertThat(chat.next().hasSetupComplete()).isTrue();
    return chat;
  }

  @Test
  void message_bestOfFour_theMostProbableCandidateInOneDeltaAndTheScoresOfAll() {
    TestChat chat = chat(BEST_OF_FOUR);
    chat.say("hello there");
    List<ChatResponse> turn = chat.turn();
    TurnComplete complete = turn.get(turn.size() - 1).getTurnComplete();

    assertThat(turn).hasSize(2);
    assertThat(turn.get(0).getTextDelta().getText()).isEqualTo(complete.getText());
    List<Candidate> candidates = complete.getCandidatesList();
    assertThat(candidates).hasSize(4);
    Candidate chosen = complete.getCandidates(complete.getChosenCandidate());
    assertThat(chosen.getText()).isEqualTo(complete.getText());
    assertThat(chosen.getFinishReason()).isEqualTo(complete.getFinishReason());
    assertThat(chosen)
        .isEqualTo(
            candidates.stream()
                .max(Comparator.comparingDouble(Candidate::getMeanLogProbability))
                .orElseThrow());
    assertThat(complete.getUsage().getGeneratedTokens())
        .isEqualTo(candidates.stream().mapToInt(Candidate::getGeneratedTokens).sum());
    assertThat(complete.getSeed()).isEqualTo(7);
    assertThat(candidates.get(0).getSeed()).isEqualTo(7);
  }

  @Test
  void message_seedOfACandidate_givesItAsAReplyOfItsOwn() {
    TurnComplete best = chat(BEST_OF_FOUR).ask("hello there");

    for (Candidate candidate : best.getCandidatesList()) {
      TurnComplete alone =
          chat(BEST_OF_FOUR.toBuilder().setBestOf(1).setSeed(candidate.getSeed()).build())
              .ask("hello there");
      assertThat(alone.getText()).isEqualTo(candidate.getText());
      assertThat(alone.getFinishReason()).isEqualTo(candidate.getFinishReason());
      assertThat(alone.getCandidatesList()).isEmpty();
      assertThat(alone.hasChosenCandidate()).isFalse();
    }
  }

  @Test
  void message_afterABestOfTurn_historyHasTheChosenReplyOnly() {
    TestChat chat = chat(BEST_OF_FOUR);
    TurnComplete first = chat.ask("hello there");
    TurnComplete second = chat.ask("and you?");

    int message = OneModel.gpt2().encode("and you?").length;
    int chosen = first.getCandidates(first.getChosenCandidate()).getGeneratedTokens();
    boolean ended = first.getFinishReason().name().endsWith("END_OF_TURN");
    assertThat(second.getUsage().getPromptTokens())
        .isEqualTo(first.getUsage().getPromptTokens() + chosen + (ended ? 0 : 1) + message + 1);
    assertThat(second.getUsage().getCachedPromptTokens())
        .isGreaterThanOrEqualTo(first.getUsage().getPromptTokens());
  }

  @Test
  void message_stopTextInTheCandidates_eachEndsBeforeItAndTheReplyToo() {
    TurnComplete free = chat(BEST_OF_FOUR).ask("hello there");
    String text = free.getText();
    String stop = text.substring(text.length() / 2, text.length() / 2 + 1);

    TurnComplete complete = chat(BEST_OF_FOUR.toBuilder().addStop(stop).build()).ask("hello there");

    assertThat(complete.getText()).doesNotContain(stop);
    assertThat(complete.getCandidatesList())
        .allSatisfy(candidate -> assertThat(candidate.getText()).doesNotContain(stop));
    assertThat(complete.getCandidatesList())
        .anySatisfy(
            candidate ->
                assertThat(candidate.getFinishReason().name())
                    .isEqualTo("FINISH_REASON_STOP_TEXT"));
  }

  @Test
  void message_withABackwardModel_theHighestScoreWinsAndScoresAreOfReversedTurns() {
    TestChat chat = TestChat.open(server.channel);
    chat.setup(
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setMmiModel("tiny")
            .setReturnCandidates(true)
            .setGeneration(BEST_OF_FOUR.toBuilder().setMaxNewTokens(1).setBestOf(8))
            .addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_USER).setText("before"))
            .build());
    assertThat(chat.next().getSetupComplete().getMmiModel().getName()).isEqualTo("tiny");
    assertThat(server.model.leases).hasValue(2);
    TurnComplete complete = chat.ask("hello there");

    assertThat(complete.getCandidatesList()).hasSize(8);
    assertThat(complete.getCandidates(complete.getChosenCandidate()).getMmiScore())
        .isEqualTo(
            complete.getCandidatesList().stream()
                .map(Candidate::getMmiScore)
                .max(Comparator.naturalOrder())
                .orElseThrow());
    DialogueEncoder encoder = new DialogueEncoder(OneModel.gpt2());
    int compared = 0;
    for (Candidate candidate : complete.getCandidatesList()) {
      int[] hypothesis = encoder.turn(candidate.getText());
      if (hypothesis.length != 2) {
        continue; // a piece of a character has no text, so its token is not known here
      }
      compared++;
      int[] read = encoder.turns(List.of(candidate.getText(), "hello there", "before"));
      double expected =
          server.model.engine.score(List.of(new Gpt2Decoder.Scored(read, hypothesis.length)))
              .join()[0];
      assertThat(candidate.getMmiScore()).isCloseTo(expected, within(1e-3));
    }
    assertThat(compared).isPositive();
    chat.halfClose();
    Settled.until(() -> server.model.leases.get() == 0);
  }

  /**
   * A turn reads five tokens, and its ranking six: a candidate of two before them, but the last.
   */
  @Test
  void message_scoresThatAreNoNumbers_failTheTurnAlone() {
    Gpt2Decoder decoder =
        TinyModel.decoder(
            OneModel.shape(2, 32), Precision.FP32, weights -> TinyModel.breakPosition(weights, 5));
    try (ChatServer broken = new ChatServer(decoder, ChatServer.LIMITS, EngineObserver.NONE)) {
      TestChat chat = TestChat.open(broken.channel);
      chat.setup(
          ChatSetup.newBuilder()
              .setModel("tiny")
              .setMmiModel("tiny")
              .setGeneration(BEST_OF_FOUR.toBuilder().setMaxNewTokens(1))
              .addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_USER).setText("before"))
              .build());
      assertThat(chat.next().hasSetupComplete()).isTrue();
      chat.say("hello there");

      assertThat(chat.failed().getStatus().getMessage())
          .isEqualTo(
              "the candidates could not be ranked by tiny@3 (a score is not finite); send the"
                  + " message with best_of 1, or again");
      chat.say(
          UserMessage.newBuilder()
              .setText("hello there")
              .setGeneration(GenerationParameters.newBuilder().setBestOf(1))
              .build());
      List<ChatResponse> turn = chat.turn();
      assertThat(turn.get(turn.size() - 1).getTurnComplete().getUsage().getGeneratedTokens())
          .isEqualTo(1);
    }
  }

  @Test
  void message_tooManyCandidates_failsTheTurnAndNamesTheLimit() {
    TestChat chat = chat(BEST_OF_FOUR);
    chat.say(
        UserMessage.newBuilder()
            .setText("hello")
            .setGeneration(GenerationParameters.newBuilder().setBestOf(33))
            .build());

    assertThat(chat.failed().getStatus().getMessage())
        .isEqualTo("message.generation.best_of: is 33, but must be between 1 and 32");
    assertThat(chat.ask("hello").getCandidatesList()).hasSize(4);
  }
}
