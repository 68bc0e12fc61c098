package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.Paced;
import dev.parley.server.engine.Settled;
import dev.parley.v1.BargeInPolicy;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.Feedback;
import dev.parley.v1.FinishReason;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.HistoryTurn;
import dev.parley.v1.Rating;
import dev.parley.v1.Role;
import dev.parley.v1.SetupComplete;
import dev.parley.v1.TurnComplete;
import dev.parley.v1.TurnFailed;
import dev.parley.v1.UserMessage;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ChatServiceTest {
  private static final GenerationParameters SHORT =
      GenerationParameters.newBuilder().setMaxNewTokens(12).build();
  private static final int END_OF_TEXT = 50_256;

  private ChatServer server = new ChatServer();

  @AfterEach
  void nothingIsLeft() throws Exception {
    server.channel.shutdownNow();
    Settled.until(() -> server.service.streams() == 0);
    if (server.model.engine.alive()) {
      Settled.until(() -> server.model.engine.conversations() == 0);
      assertThat(server.model.engine.turns()).isZero();
    }
    assertThat(server.model.leases).hasValue(0);
    server.close();
  }

  private void restart(EngineLimits limits, EngineObserver observer) {
    server.close();
    server = new ChatServer(limits, observer);
  }

  private static <T extends Message> T detail(com.google.rpc.Status status, Class<T> type)
      throws InvalidProtocolBufferException {
    for (var any : status.getDetailsList()) {
      if (any.is(type)) {
        return any.unpack(type);
      }
    }
    throw new AssertionError("no %s in %s".formatted(type.getSimpleName(), status));
  }

  private static List<String> fields(com.google.rpc.Status status) throws Exception {
    return detail(status, BadRequest.class).getFieldViolationsList().stream()
        .map(BadRequest.FieldViolation::getField)
        .toList();
  }

  private static String reason(com.google.rpc.Status status) throws Exception {
    ErrorInfo info = detail(status, ErrorInfo.class);
    assertThat(info.getDomain()).isEqualTo("parley.dev");
    return info.getReason();
  }

  // ---- setup -----------------------------------------------------------------------------------

  @Test
  void setup_valid_isAnsweredWithEverythingInForce() {
    server.model.defaults =
        GenerationParameters.newBuilder().setTopK(40).setMaxNewTokens(99).setDoSample(true).build();
    TestChat chat = TestChat.open(server.channel);
    chat.setup(
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setGeneration(GenerationParameters.newBuilder().setMaxNewTokens(12).addStop("\n"))
            .addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_USER).setText("hello"))
            .addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_ASSISTANT).setText("hi"))
            .build());

    SetupComplete complete = chat.next().getSetupComplete();

    assertThat(complete.getConversationId()).isNotEmpty();
    assertThat(complete.getModel().getVersion()).isEqualTo(3);
    assertThat(complete.getContextLimitTokens()).isEqualTo(OneModel.CONTEXT);
    assertThat(complete.getHistoryTokens()).isEqualTo(4);
    assertThat(complete.getGeneration())
        .isEqualTo(
            GenerationParameters.newBuilder()
                .setMaxNewTokens(12)
                .setMinNewTokens(0)
                .setDoSample(true)
                .setTemperature(1)
                .setTopK(40)
                .setTopP(1)
                .setMinP(0)
                .setTypicalP(1)
                .setRepetitionPenalty(1)
                .setPresencePenalty(0)
                .setFrequencyPenalty(0)
                .setNoRepeatNgramSize(0)
                .addStop("\n")
                .setBestOf(1)
                .build());
    chat.cancel();
  }

  @Test
  void setup_manyProblems_namesAllOfThem() throws Exception {
    TestChat chat = TestChat.open(server.channel);
    chat.setup(
        ChatSetup.newBuilder()
            .addHistory(HistoryTurn.newBuilder().setText("who says this?"))
            .setMaxQueueWait(Durations.fromMillis(-1))
            .setGeneration(
                GenerationParameters.newBuilder().setTopP(1.5f).setTemperature(0).addStop(""))
            .build());

    com.google.rpc.Status status = chat.richEnd();

    assertThat(status.getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(reason(status)).isEqualTo("INVALID_FIELD");
    assertThat(fields(status))
        .containsExactlyInAnyOrder(
            "setup.model",
            "setup.history[0].role",
            "setup.max_queue_wait",
            "setup.generation.top_p",
            "setup.generation.temperature",
            "setup.generation.stop[0]");
  }

  @Test
  void setup_everyGenerationParameterWrong_namesAllOfThem() throws Exception {
    TestChat chat = TestChat.open(server.channel);
    GenerationParameters.Builder wrong =
        GenerationParameters.newBuilder()
            .setMaxNewTokens(0)
            .setMinNewTokens(-1)
            .setTemperature(Float.NaN)
            .setTopK(-1)
            .setTopP(0)
            .setMinP(1.01f)
            .setTypicalP(0)
            .setRepetitionPenalty(0)
            .setPresencePenalty(Float.NaN)
            .setFrequencyPenalty(Float.POSITIVE_INFINITY)
            .setNoRepeatNgramSize(-1)
            .putLogitBias(50_257, 1)
            .putLogitBias(7, Float.NaN)
            .addBadWords("")
            .setBestOf(0);
    for (int i = 0; i < 17; i++) {
      wrong.addStop("stop" + i);
    }
    chat.setup(ChatSetup.newBuilder().setModel("tiny").setGeneration(wrong).build());

    assertThat(fields(chat.richEnd()))
        .extracting(field -> field.replace("setup.generation.", ""))
        .containsExactlyInAnyOrder(
            "max_new_tokens",
            "min_new_tokens",
            "temperature",
            "top_k",
            "top_p",
            "min_p",
            "typical_p",
            "repetition_penalty",
            "presence_penalty",
            "frequency_penalty",
            "no_repeat_ngram_size",
            "logit_bias[50257]",
            "logit_bias[7]",
            "bad_words[0]",
            "best_of",
            "stop");
  }

  @Test
  void setup_unknownModel_endsWithNotFound() throws Exception {
    TestChat chat = TestChat.open(server.channel);
    chat.setup(ChatSetup.newBuilder().setModel("timy").build());

    assertThat(chat.richEnd().getCode()).isEqualTo(Code.NOT_FOUND_VALUE);
    assertThat(reason(chat.richEnd())).isEqualTo("MODEL_NOT_FOUND");
  }

  @Test
  void setup_twice_endsWithInvalidArgument() throws Exception {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.setup(ChatSetup.newBuilder().setModel("tiny").build());

    assertThat(fields(chat.richEnd())).containsExactly("setup");
  }

  @Test
  void setup_resumeHandle_invalidAndSaysWhatToSendInstead() throws Exception {
    TestChat chat = TestChat.open(server.channel);
    chat.setup(ChatSetup.newBuilder().setModel("tiny").setResumeHandle("abc").build());

    assertThat(chat.richEnd().getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(fields(chat.richEnd())).containsExactly("setup.resume_handle");
    assertThat(chat.richEnd().getMessage())
        .contains("send the turns that were said as setup.history");
  }

  @Test
  void setup_tooManyConversations_endsWithResourceExhaustedAndARetryDelay() throws Exception {
    restart(new EngineLimits(64, 8, 1_000, 1, 10, 4), EngineObserver.NONE);
    TestChat first = TestChat.setUp(server.channel, SHORT);
    TestChat second = TestChat.open(server.channel);
    second.setup(ChatSetup.newBuilder().setModel("tiny").build());

    assertThat(second.richEnd().getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED_VALUE);
    assertThat(Durations.toMillis(detail(second.richEnd(), RetryInfo.class).getRetryDelay()))
        .isGreaterThanOrEqualTo(100);
    assertThat(first.ask("still here?").getFinishReason())
        .isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
  }

  @Test
  void stream_withoutSetup_endsWithInvalidArgument() throws Exception {
    TestChat message = TestChat.open(server.channel);
    message.say("hello");
    TestChat interrupt = TestChat.open(server.channel);
    interrupt.interrupt();
    TestChat nothing = TestChat.open(server.channel);
    nothing.halfClose();
    TestChat empty = TestChat.open(server.channel);
    empty.send(ChatRequest.getDefaultInstance());

    assertThat(fields(message.richEnd())).containsExactly("setup");
    assertThat(fields(interrupt.richEnd())).containsExactly("setup");
    assertThat(fields(nothing.richEnd())).containsExactly("setup");
    assertThat(fields(empty.richEnd())).containsExactly("request");
  }

  // ---- turns -----------------------------------------------------------------------------------

  @Test
  void message_threeTurns_readOnlyWhatIsNewAndEqualAFullReading() {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    ChatSetup.Builder again = ChatSetup.newBuilder().setModel("tiny").setGeneration(SHORT);
    int cached = 0;
    for (int turn = 1; turn <= 3; turn++) {
      String text = "This is message number " + turn;
      chat.say(UserMessage.newBuilder().setText(text).setRequestId("id-" + turn).build());
      TurnComplete complete = chat.complete();
      TestChat full = TestChat.open(server.channel);
      full.setup(again.build());
      full.next();

      assertThat(complete.getTurn()).isEqualTo(turn);
      assertThat(complete.getRequestId()).isEqualTo("id-" + turn);
      assertThat(complete.getUsage().getCachedPromptTokens()).isEqualTo(cached);
      assertThat(complete.getUsage().getGeneratedTokens()).isEqualTo(12);
      assertThat(complete.getModel().getName()).isEqualTo("tiny");
      TurnComplete fresh = full.ask(text);
      assertThat(fresh.getText()).isEqualTo(complete.getText()).isNotEmpty();
      full.halfClose();
      cached = complete.getUsage().getPromptTokens() + 12 - 1;
      again.addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_USER).setText(text));
      again.addHistory(
          HistoryTurn.newBuilder().setRole(Role.ROLE_ASSISTANT).setText(complete.getText()));
    }
  }

  @Test
  void message_sixteenConversationsAtOnce_sameRepliesAsAlone() {
    List<String> alone = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      TestChat chat = TestChat.setUp(server.channel, SHORT);
      alone.add(chat.ask("Conversation " + "about ".repeat(i) + i).getText());
      alone.add(chat.ask("And then " + i).getText());
      chat.halfClose();
    }
    List<TestChat> chats = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      TestChat chat = TestChat.setUp(server.channel, SHORT);
      chat.say("Conversation " + "about ".repeat(i) + i);
      chat.say("And then " + i);
      chats.add(chat);
    }
    List<String> together = new ArrayList<>();
    for (TestChat chat : chats) {
      together.add(chat.complete().getText());
      together.add(chat.complete().getText());
    }

    assertThat(together).isEqualTo(alone).doesNotHaveDuplicates();
  }

  @Test
  void message_modelEndsItsTurn_isEndOfTurn() {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.say(
        UserMessage.newBuilder()
            .setText("hello")
            .setGeneration(
                GenerationParameters.newBuilder()
                    .setMinNewTokens(5)
                    .putLogitBias(END_OF_TEXT, 1e6f))
            .build());

    TurnComplete complete = chat.complete();

    assertThat(complete.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_END_OF_TURN);
    assertThat(complete.getUsage().getGeneratedTokens()).isEqualTo(6);
  }

  @Test
  void message_endOfTextTyped_isPlainText() {
    TestChat chat = TestChat.setUp(server.channel, SHORT);

    assertThat(chat.ask("<|endoftext|>").getUsage().getPromptTokens()).isEqualTo(8);
  }

  @Test
  void message_seedChosenByTheServer_isEchoedAndRepeatsTheReply() {
    GenerationParameters sampled = SHORT.toBuilder().setTemperature(1.1f).build();
    TurnComplete first = TestChat.setUp(server.channel, sampled).ask("hello there");
    TurnComplete same =
        TestChat.setUp(server.channel, sampled.toBuilder().setSeed(first.getSeed()).build())
            .ask("hello there");
    TurnComplete other = TestChat.setUp(server.channel, sampled).ask("hello there");

    assertThat(same.getText()).isEqualTo(first.getText());
    assertThat(same.getSeed()).isEqualTo(first.getSeed()).isNotEqualTo(other.getSeed());
    assertThat(other.getText()).isNotEqualTo(first.getText());
  }

  @Test
  void message_stopTextAcrossTokens_neverLeaksAndLeavesTheHistoryClean() {
    String whole = TestChat.setUp(server.channel, SHORT).ask("tell me").getText();
    for (int length : new int[] {1, 3, 9}) {
      int middle = whole.offsetByCodePoints(0, whole.codePointCount(0, whole.length()) / 2);
      String stop = whole.substring(middle, whole.offsetByCodePoints(middle, length));
      TestChat chat = TestChat.setUp(server.channel, SHORT);
      chat.say(
          UserMessage.newBuilder()
              .setText("tell me")
              .setGeneration(
                  GenerationParameters.newBuilder().addStop(stop).addStop("\u0000\u0001"))
              .build());

      TurnComplete complete = chat.complete();

      String kept = whole.substring(0, whole.indexOf(stop));
      assertThat(complete.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_STOP_TEXT);
      assertThat(complete.getStopText()).isEqualTo(stop);
      assertThat(complete.getText()).isEqualTo(kept);
      TestChat given = TestChat.open(server.channel);
      given.setup(
          ChatSetup.newBuilder()
              .setModel("tiny")
              .setGeneration(SHORT)
              .addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_USER).setText("tell me"))
              .addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_ASSISTANT).setText(kept))
              .build());
      given.next();
      TurnComplete next = chat.ask("go on");
      TurnComplete fresh = given.ask("go on");
      assertThat(next.getUsage().getPromptTokens())
          .as("of %s with %s left of %s", complete, kept, whole)
          .isBetween(fresh.getUsage().getPromptTokens(), fresh.getUsage().getPromptTokens() + 12);
    }
  }

  @Test
  void message_badWords_areNeverSaid() {
    String whole = TestChat.setUp(server.channel, SHORT).ask("tell me").getText();
    int middle = whole.offsetByCodePoints(0, whole.codePointCount(0, whole.length()) / 2);
    GenerationParameters.Builder bad = GenerationParameters.newBuilder();
    for (int length = 1; length < 4; length++) {
      bad.addBadWords(whole.substring(middle, whole.offsetByCodePoints(middle, length)));
    }
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.say(UserMessage.newBuilder().setText("tell me").setGeneration(bad).build());

    TurnComplete complete = chat.complete();

    assertThat(complete.getUsage().getGeneratedTokens()).isEqualTo(12);
    assertThat(complete.getText()).doesNotContain(bad.getBadWordsList());
    assertThat(whole).contains(bad.getBadWordsList());
  }

  @Test
  void message_wrong_failsThatTurnOnly() throws Exception {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.say(
        UserMessage.newBuilder()
            .setRequestId("x".repeat(129))
            .setGeneration(GenerationParameters.newBuilder().setTopK(-3))
            .build());
    TurnFailed wrong = chat.failed();
    chat.say("word ".repeat(OneModel.CONTEXT));
    TurnFailed tooLong = chat.failed();
    chat.say(
        UserMessage.newBuilder()
            .setText("hello")
            .setRequestId("best")
            .setGeneration(GenerationParameters.newBuilder().setBestOf(2))
            .build());
    TurnFailed bestOf = chat.failed();
    chat.say(
        UserMessage.newBuilder()
            .setText("hello")
            .setGeneration(GenerationParameters.newBuilder().setMinNewTokens(13))
            .build());
    TurnFailed contradiction = chat.failed();

    assertThat(wrong.getTurn()).isEqualTo(1);
    assertThat(wrong.getRequestId()).hasSize(128);
    assertThat(fields(wrong.getStatus()))
        .containsExactlyInAnyOrder(
            "message.text", "message.request_id", "message.generation.top_k");
    assertThat(tooLong.getTurn()).isEqualTo(2);
    assertThat(tooLong.getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(reason(tooLong.getStatus())).isEqualTo("MESSAGE_TOO_LONG");
    assertThat(fields(bestOf.getStatus())).containsExactly("message.generation.best_of");
    assertThat(bestOf.getStatus().getMessage()).contains("do_sample");
    assertThat(bestOf.getRequestId()).isEqualTo("best");
    assertThat(fields(contradiction.getStatus()))
        .containsExactly("message.generation.min_new_tokens");
    TurnComplete good = chat.ask("hello");
    assertThat(good.getTurn()).isEqualTo(5);
    assertThat(good.getUsage().getPromptTokens()).as("no trace of the failed ones").isEqualTo(2);
  }

  @Test
  void message_tooManyAtOnce_failWithResourceExhausted() throws Exception {
    restart(new EngineLimits(64, 8, 1_000, 10, 10, 2), EngineObserver.NONE);
    TestChat chat = TestChat.open(server.channel, 1);
    chat.setup(ChatSetup.newBuilder().setModel("tiny").setGeneration(SHORT).build());
    chat.next();
    chat.say("one"); // parked: nobody reads
    chat.say("two");
    chat.say("three");
    chat.read(1);

    TurnFailed failed = chat.failed();

    assertThat(failed.getTurn()).isEqualTo(3);
    assertThat(failed.getStatus().getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED_VALUE);
    assertThat(detail(failed.getStatus(), RetryInfo.class).hasRetryDelay()).isTrue();
    chat.read(1_000);
    assertThat(chat.complete().getTurn()).isEqualTo(1);
    assertThat(chat.complete().getTurn()).isEqualTo(2);
  }

  @Test
  void halfClose_turnsUnderWay_finishFirst() throws Exception {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.say("one");
    chat.say("two");
    chat.halfClose();

    assertThat(chat.complete().getTurn()).isEqualTo(1);
    assertThat(chat.complete().getTurn()).isEqualTo(2);
    assertThat(chat.end()).isEqualTo(Status.OK);
  }

  // ---- ends ------------------------------------------------------------------------------------

  private TestChat setUpSlow(GenerationParameters generation, BargeInPolicy policy) {
    TestChat chat = TestChat.open(server.channel, 1);
    chat.setup(
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setGeneration(generation)
            .setBargeInPolicy(policy)
            .build());
    chat.next();
    return chat;
  }

  private static final GenerationParameters LONG =
      GenerationParameters.newBuilder().setMaxNewTokens(120).build();

  @Test
  void interrupt_inTheMiddle_endsTheReplyWithWhatWasDelivered() {
    TestChat chat = setUpSlow(LONG, BargeInPolicy.BARGE_IN_POLICY_QUEUE);
    chat.say("tell me everything");
    chat.read(3);
    List<ChatResponse> read = List.of(chat.next(), chat.next(), chat.next());
    chat.interrupt();
    chat.read(1_000);

    List<ChatResponse> rest = chat.turn();

    StringBuilder text = new StringBuilder();
    read.forEach(response -> text.append(response.getTextDelta().getText()));
    rest.forEach(response -> text.append(response.getTextDelta().getText()));
    TurnComplete complete = rest.get(rest.size() - 1).getTurnComplete();
    assertThat(complete.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_INTERRUPTED);
    assertThat(complete.getText()).isEqualTo(text.toString());
    assertThat(complete.getUsage().getGeneratedTokens()).isBetween(3, 20);
    assertThat(chat.ask("go on").getUsage().getPromptTokens())
        .isEqualTo(
            complete.getUsage().getPromptTokens()
                + complete.getUsage().getGeneratedTokens()
                + 1
                + 3);
  }

  @Test
  void interrupt_aTurnByItsRequestId_endsThatTurnOnly() throws Exception {
    TestChat chat = setUpSlow(LONG, BargeInPolicy.BARGE_IN_POLICY_QUEUE);
    chat.say(UserMessage.newBuilder().setText("one").setRequestId("first").build());
    chat.say(UserMessage.newBuilder().setText("two").setRequestId("second").build());
    chat.say(UserMessage.newBuilder().setText("three").setRequestId("third").build());
    chat.interrupt("nobody");
    chat.interrupt("second");
    chat.interrupt("second");
    Settled.await(server.model.engine);
    assertThat(server.model.engine.turns()).isEqualTo(2);
    chat.read(1_000);

    List<TurnComplete> ends = List.of(chat.complete(), chat.complete(), chat.complete());

    assertThat(ends)
        .extracting(TurnComplete::getRequestId, TurnComplete::getTurn)
        .containsExactlyInAnyOrder(tuple("first", 1), tuple("second", 2), tuple("third", 3));
    for (TurnComplete end : ends) {
      boolean second = end.getTurn() == 2;
      assertThat(end.getFinishReason())
          .isEqualTo(
              second
                  ? FinishReason.FINISH_REASON_INTERRUPTED
                  : FinishReason.FINISH_REASON_MAX_TOKENS);
      assertThat(end.getText().isEmpty()).isEqualTo(second);
      assertThat(end.getUsage().getGeneratedTokens()).isEqualTo(second ? 0 : 120);
    }
    assertThat(ends.get(2).getUsage().getDroppedHistoryTokens())
        .as("what the first turn left: one + its end, its reply + its end")
        .isEqualTo(2 + 121);
  }

  @Test
  void interrupt_beforeAnythingIsSaid_keepsTheMessageAndNoEmptyTurn() throws Exception {
    TestChat chat;
    TurnComplete complete;
    int tries = 0;
    do { // the transport may let a first piece through before it is full: then once more
      chat = setUpSlow(SHORT, BargeInPolicy.BARGE_IN_POLICY_QUEUE);
      chat.say("hello"); // parked before its first step: nobody reads
      Settled.await(server.model.engine);
      chat.interrupt();
      chat.read(1_000);
      complete = chat.complete();
    } while (!complete.getText().isEmpty() && ++tries < 50);

    TurnComplete next = chat.ask("hello");

    assertThat(complete.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_INTERRUPTED);
    assertThat(complete.getText()).isEmpty();
    assertThat(next.getUsage().getPromptTokens()).as("hello, end, hello, end").isEqualTo(4);
    TestChat same = TestChat.open(server.channel);
    same.setup(
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setGeneration(SHORT)
            .addHistory(HistoryTurn.newBuilder().setRole(Role.ROLE_USER).setText("hello"))
            .build());
    assertThat(same.next().getSetupComplete().getHistoryTokens()).isEqualTo(2);
    assertThat(same.ask("hello").getText()).isEqualTo(next.getText());
  }

  @Test
  void message_bargeIn_endsTheReplyAndIsAnsweredNext() {
    TestChat chat = setUpSlow(LONG, BargeInPolicy.BARGE_IN_POLICY_INTERRUPT);
    chat.say("tell me everything");
    chat.read(2);
    chat.next();
    chat.next();
    chat.say("no, wait");
    chat.read(1_000);

    List<ChatResponse> first = chat.turn();
    TurnComplete second = chat.complete();

    assertThat(first.get(first.size() - 1).getTurnComplete().getFinishReason())
        .isEqualTo(FinishReason.FINISH_REASON_INTERRUPTED);
    assertThat(second.getTurn()).isEqualTo(2);
    assertThat(second.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
  }

  @Test
  void cancel_inTheMiddle_freesEverything() throws Exception {
    TestChat chat = setUpSlow(LONG, BargeInPolicy.BARGE_IN_POLICY_QUEUE);
    chat.say("tell me everything");
    chat.say("and more");
    chat.read(2);
    chat.next();
    chat.next();
    chat.cancel();

    Settled.until(() -> server.model.engine.conversations() == 0);
    Settled.await(server.model.engine);

    assertThat(server.model.engine.turns()).isZero();
    assertThat(server.model.leases).hasValue(0);
    assertThat(server.model.engine.state().conversations()).isZero();
    assertThat(server.model.engine.state().activeKvTokens()).isZero();
    assertThat(chat.responses).noneMatch(ChatResponse::hasTurnComplete);
  }

  @Test
  void slowReaders_areParkedAndOthersGoOn() {
    List<TestChat> slow = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      TestChat chat = setUpSlow(LONG, BargeInPolicy.BARGE_IN_POLICY_QUEUE);
      chat.say("nobody reads this " + i);
      slow.add(chat);
    }
    TestChat quick = TestChat.setUp(server.channel, LONG);

    assertThat(quick.ask("hello").getUsage().getGeneratedTokens()).isEqualTo(120);

    assertThat(server.model.engine.state().parkedTurns()).isEqualTo(20);
    for (TestChat chat : slow) {
      assertThat(chat.responses).isEmpty();
      chat.read(1_000);
      assertThat(chat.complete().getUsage().getGeneratedTokens()).isEqualTo(120);
    }
  }

  @Test
  void slowReader_thatSendsOn_isNotReadForEver() throws Exception {
    TestChat chat = setUpSlow(SHORT, BargeInPolicy.BARGE_IN_POLICY_QUEUE);
    for (int i = 0; i < 500; i++) {
      chat.say(""); // each is answered at once
    }
    chat.read(1);
    assertThat(chat.next().getTurnFailed().getTurn()).isEqualTo(1);

    chat.read(10_000);
    for (int i = 2; i <= 500; i++) {
      assertThat(chat.next().getTurnFailed().getTurn()).isEqualTo(i);
    }
    assertThat(chat.ask("now").getTurn()).isEqualTo(501);
  }

  @Test
  void maxQueueWait_passes_failsTheTurnWithoutAStep() throws Exception {
    TestChat chat = TestChat.open(server.channel, 1);
    chat.setup(
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setGeneration(SHORT)
            .setMaxQueueWait(Durations.fromMillis(50))
            .build());
    chat.next();
    chat.say("parked before its first step");
    Settled.await(server.model.engine);
    server.clock.addAndGet(Duration.ofMillis(51).toNanos());
    server.model.engine.wake();
    chat.read(1_000);

    TurnFailed failed = chat.failed();

    assertThat(failed.getStatus().getCode()).isEqualTo(Code.DEADLINE_EXCEEDED_VALUE);
    assertThat(reason(failed.getStatus())).isEqualTo("WAITED_TOO_LONG");
    assertThat(server.model.engine.state().cachedKvTokens()).isZero();
    assertThat(chat.ask("hello").getUsage().getPromptTokens()).isEqualTo(2);
  }

  @Test
  void maxQueueWait_longerThanNanosecondsCount_isForEver() {
    TestChat chat = TestChat.open(server.channel);
    chat.setup(
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setGeneration(SHORT)
            .setMaxQueueWait(Durations.fromSeconds(300_000_000_000L))
            .build());
    assertThat(chat.next().hasSetupComplete()).isTrue();

    assertThat(chat.ask("hello").getTurn()).isEqualTo(1);
  }

  @Test
  void deadline_inTheMiddle_endsTheReply() {
    TestChat chat =
        TestChat.open(
            ChatServiceGrpc.newStub(server.channel).withDeadlineAfter(1, TimeUnit.HOURS), 1);
    chat.setup(ChatSetup.newBuilder().setModel("tiny").setGeneration(LONG).build());
    chat.next();
    chat.say("tell me everything");
    chat.read(2);
    ChatResponse one = chat.next();
    ChatResponse two = chat.next();
    server.clock.addAndGet(Duration.ofHours(2).toNanos());
    server.model.engine.wake();
    chat.read(1_000);

    List<ChatResponse> rest = chat.turn();

    TurnComplete complete = rest.get(rest.size() - 1).getTurnComplete();
    assertThat(complete.getFinishReason()).isEqualTo(FinishReason.FINISH_REASON_DEADLINE);
    assertThat(complete.getText())
        .startsWith(one.getTextDelta().getText() + two.getTextDelta().getText());
    assertThat(complete.getUsage().getGeneratedTokens()).isLessThan(20);
  }

  @Test
  void drain_tellsStreamsAndRefusesNewOnes() throws Exception {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.say("one");
    server.service.drain(Duration.ofSeconds(30));
    TestChat late = TestChat.open(server.channel);

    List<ChatResponse> responses = new ArrayList<>(chat.turn());
    if (responses.stream().noneMatch(ChatResponse::hasGoAway)) {
      responses.add(chat.next());
    }
    assertThat(late.richEnd().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
    assertThat(reason(late.richEnd())).isEqualTo("SERVER_DRAINING");
    assertThat(responses)
        .filteredOn(ChatResponse::hasGoAway)
        .extracting(r -> r.getGoAway().getTimeLeft(), r -> r.getGoAway().getResumeHandle())
        .containsExactly(tuple(Durations.fromSeconds(30), ""));
    assertThat(chat.ask("two").getTurn()).as("running streams go on").isEqualTo(2);
    server.service.closeStreams();
    assertThat(chat.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(server.service.streams()).isZero();
  }

  @Test
  void engineStops_streamsEndWithUnavailable() throws Exception {
    TestChat chat = setUpSlow(LONG, BargeInPolicy.BARGE_IN_POLICY_QUEUE);
    chat.say("hello");
    server.model.engine.close();

    assertThat(chat.richEnd().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
    assertThat(reason(chat.richEnd())).isEqualTo("ENGINE_CLOSED");
  }

  @Test
  void engineStoppedBetweenTurns_theNextMessageEndsTheStream() throws Exception {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.ask("hello");
    server.model.engine.close();
    chat.say("are you there?");

    assertThat(chat.richEnd().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
    assertThat(reason(chat.richEnd())).isEqualTo("ENGINE_CLOSED");
    Settled.until(() -> server.model.leases.get() == 0);
  }

  @Test
  void setup_biasesWithoutEnd_namesTheLimit() throws Exception {
    GenerationParameters.Builder generation = GenerationParameters.newBuilder();
    for (int id = 0; id < 1_025; id++) {
      generation.putLogitBias(id, 1);
    }
    TestChat chat = TestChat.open(server.channel);
    chat.setup(ChatSetup.newBuilder().setModel("tiny").setGeneration(generation).build());

    assertThat(fields(chat.richEnd())).containsExactly("setup.generation.logit_bias");
    assertThat(chat.richEnd().toString()).contains("1025 tokens", "at most 1024");
  }

  @Test
  void interrupt_betweenSteps_takesEffectAtTheNextOne() throws Exception {
    Semaphore steps = new Semaphore(0);
    restart(new EngineLimits(64, 8, 1_000, 10, 10, 4), new Paced(steps));
    TestChat chat = TestChat.setUp(server.channel, LONG);
    chat.say("tell me everything");
    steps.release(4);
    Settled.until(() -> steps.availablePermits() == 0);
    chat.interrupt();
    steps.release(1_000);

    assertThat(chat.complete().getUsage().getGeneratedTokens()).isBetween(4, 6);
  }

  // ---- feedback --------------------------------------------------------------------------------

  @Test
  void feedback_diskIsFull_theConversationGoesOn() {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.ask("hello");
    server.diskFull = true;
    Feedback good = Feedback.newBuilder().setTurn(1).setRating(Rating.RATING_GOOD).build();
    chat.send(ChatRequest.newBuilder().setFeedback(good).build());

    assertThat(chat.ask("still here").getTurn()).isEqualTo(2);
    assertThat(server.judgements).isEmpty();
    server.diskFull = false;
    chat.send(ChatRequest.newBuilder().setFeedback(good).build());
    assertThat(chat.ask("and now?").getTurn()).isEqualTo(3);
    assertThat(server.judgements).hasSize(1);
  }

  @Test
  void feedback_onACompleteTurn_reachesTheSink() {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.say(UserMessage.newBuilder().setText("hello").setRequestId("r1").build());
    TurnComplete complete = chat.complete();
    chat.send(
        ChatRequest.newBuilder()
            .setFeedback(
                Feedback.newBuilder()
                    .setTurn(1)
                    .setRating(Rating.RATING_BAD)
                    .setCorrection("Good morning."))
            .build());

    assertThat(chat.ask("still here").getTurn()).isEqualTo(2);
    assertThat(server.judgements)
        .singleElement()
        .satisfies(
            judgement -> {
              assertThat(judgement.turn()).isEqualTo(1);
              assertThat(judgement.requestId()).isEqualTo("r1");
              assertThat(judgement.message()).isEqualTo("hello");
              assertThat(judgement.reply()).isEqualTo(complete.getText());
              assertThat(judgement.rating()).isEqualTo(Rating.RATING_BAD);
              assertThat(judgement.correction()).contains("Good morning.");
            });
  }

  @Test
  void feedback_onNoTurn_endsWithInvalidArgument() throws Exception {
    TestChat chat = TestChat.setUp(server.channel, SHORT);
    chat.send(ChatRequest.newBuilder().setFeedback(Feedback.newBuilder().setTurn(7)).build());

    assertThat(fields(chat.richEnd()))
        .containsExactlyInAnyOrder("feedback.turn", "feedback.rating");
    assertThat(server.judgements).isEmpty();
  }
}
