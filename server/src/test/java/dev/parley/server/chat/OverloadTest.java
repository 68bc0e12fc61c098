package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineState;
import dev.parley.server.engine.Paced;
import dev.parley.server.engine.Settled;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.FinishReason;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.UserMessage;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Four times as much as the engine takes, offered while it stands still in a step: who is refused
 * is told so at once, by a thread that waits for nothing.
 */
class OverloadTest {
  private static final int TURNS = 16;
  private static final int CONVERSATIONS = 80;
  private static final EngineLimits LIMITS =
      new EngineLimits(64, 8, 400, CONVERSATIONS, TURNS, 4).withoutSharing();
  private static final GenerationParameters SHORT =
      GenerationParameters.newBuilder().setMaxNewTokens(10).build();

  private final Semaphore steps = new Semaphore(0);
  private final ChatServer server = new ChatServer(LIMITS, new Paced(steps));

  @AfterEach
  void nothingIsLeft() throws Exception {
    steps.release(100_000);
    server.channel.shutdownNow();
    Settled.until(() -> server.service.streams() == 0);
    Settled.until(() -> server.model.engine.conversations() == 0);
    Settled.await(server.model.engine);
    assertThat(server.model.engine.turns()).isZero();
    assertThat(server.model.leases).hasValue(0);
    assertThat(server.model.engine.state())
        .isEqualTo(new EngineState(0, 0, 0, 0, 0, 0, LIMITS.kvCapacityTokens()));
    server.close();
  }

  private TestChat begin() {
    TestChat chat = TestChat.open(server.channel);
    chat.setup(ChatSetup.newBuilder().setModel("tiny").setGeneration(SHORT).build());
    return chat;
  }

  /** Begins a reply; the engine stops after its first step. */
  private TestChat standStill() {
    TestChat first = begin();
    assertThat(first.next().hasSetupComplete()).isTrue();
    first.say("hello");
    assertThat(first.next().hasTextDelta()).isTrue();
    return first;
  }

  private static void assertComeBackLater(com.google.rpc.Status status, String reason)
      throws Exception {
    assertThat(status.getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED_VALUE);
    assertThat(status.getDetailsList()).hasSize(2);
    assertThat(status.getDetails(0).unpack(ErrorInfo.class).getReason()).isEqualTo(reason);
    assertThat(Durations.toMillis(status.getDetails(1).unpack(RetryInfo.class).getRetryDelay()))
        .isBetween(100L, 60_000L);
  }

  @Test
  void turns_fourTimesTheCapacity_theRestIsRefusedWhileTheEngineStandsStill() throws Exception {
    standStill();
    List<TestChat> taken = new ArrayList<>();
    List<TestChat> refused = new ArrayList<>();
    for (int i = 1; i < 4 * TURNS; i++) {
      TestChat chat = begin();
      assertThat(chat.next().hasSetupComplete()).isTrue();
      chat.say("word ".repeat(1 + i % 20));
      // Both ends of an in-process stream run in this thread: a refusal is there already.
      ChatResponse answer = chat.responses.poll();
      (answer == null ? taken : refused).add(chat);
      if (answer != null) {
        assertThat(answer.hasTurnFailed()).as("%s", answer).isTrue();
        assertComeBackLater(answer.getTurnFailed().getStatus(), "TOO_MANY_TURNS");
      }
    }
    assertThat(taken).hasSize(TURNS - 1);
    assertThat(refused).hasSize(3 * TURNS);
    assertThat(server.model.engine.turns()).isEqualTo(TURNS);
    steps.release(100_000);

    for (TestChat chat : taken) {
      assertThat(chat.complete().getFinishReason())
          .isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
    }
    for (TestChat chat : refused) { // the stream lives on, and there is room again
      assertThat(chat.ask("again").getTurn()).isEqualTo(2);
      chat.halfClose();
      assertThat(chat.end()).isEqualTo(Status.OK);
    }
  }

  @Test
  void conversations_fourTimesTheCapacity_theRestIsRefusedAtOnce() throws Exception {
    List<TestChat> taken = new ArrayList<>();
    List<TestChat> refused = new ArrayList<>();
    for (int i = 0; i < 4 * CONVERSATIONS; i++) {
      TestChat chat = begin();
      (chat.end.isDone() ? refused : taken).add(chat);
    }
    assertThat(taken).hasSize(CONVERSATIONS);
    for (TestChat chat : refused) {
      assertComeBackLater(chat.richEnd(), "TOO_MANY_CONVERSATIONS");
    }
    assertThat(server.service.streams()).isEqualTo(CONVERSATIONS);
    assertThat(server.model.leases).hasValue(CONVERSATIONS);
    steps.release(100_000);

    taken.forEach(TestChat::halfClose);
    for (TestChat chat : taken) {
      assertThat(chat.end()).isEqualTo(Status.OK);
    }
    Settled.until(() -> server.model.engine.conversations() == 0);
    TestChat late = begin();
    assertThat(late.next().hasSetupComplete()).isTrue();
    assertThat(late.ask("now?").getTurn()).isEqualTo(1);
  }

  @Test
  void streams_withoutSetup_theOldestGivesWayAndNobodyElseIsRefused() throws Exception {
    steps.release(100_000);
    List<TestChat> idle = new ArrayList<>();
    for (int i = 0; i < ChatService.STREAMS_WITHOUT_SETUP; i++) {
      idle.add(TestChat.open(server.channel));
    }
    assertThat(idle).noneMatch(chat -> chat.end.isDone());

    TestChat honest = begin();

    assertThat(honest.next().hasSetupComplete()).isTrue();
    assertThat(honest.ask("now?").getTurn()).isEqualTo(1);
    assertComeBackLater(idle.get(0).richEnd(), "TOO_MANY_STREAMS_WITHOUT_SETUP");
    assertThat(idle.subList(1, idle.size())).noneMatch(chat -> chat.end.isDone());
    assertThat(server.service.streams()).isEqualTo(ChatService.STREAMS_WITHOUT_SETUP);
  }

  @Test
  void turns_ofOneConversation_areBoundedToo() throws Exception {
    TestChat chat = standStill();
    for (int i = 2; i <= 16; i++) {
      chat.say(UserMessage.newBuilder().setText("word").setRequestId("r" + i).build());
    }

    for (int refused = 1; refused <= 12; refused++) { // while the engine stands still
      ChatResponse answer = chat.next();
      assertComeBackLater(answer.getTurnFailed().getStatus(), "TOO_MANY_TURNS_IN_CONVERSATION");
    }
    steps.release(100_000);
    for (int turn = 1; turn <= 4; turn++) {
      assertThat(chat.turn()).last().matches(ChatResponse::hasTurnComplete);
    }
  }
}
