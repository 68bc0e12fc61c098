package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.EngineState;
import dev.parley.server.engine.Settled;
import dev.parley.v1.BargeInPolicy;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.UserMessage;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Clients that talk, interrupt, barge in, cancel, stop reading and run into deadlines in any order,
 * over memory for a few conversations only: every turn ends exactly once and nothing is left.
 */
class ChatStressTest {
  private static final int CLIENTS = 4;
  private static final int OPERATIONS = 250;
  private static final int STREAMS = 8;

  private static final class Talker {
    final TestChat chat;
    int said;
    boolean halfClosed;
    boolean cancelled;

    Talker(TestChat chat) {
      this.chat = chat;
    }
  }

  private final AtomicInteger evicted = new AtomicInteger();

  private final EngineObserver observer =
      new EngineObserver() {
        @Override
        public void evicted(EvictionReason reason, int tokens) {
          evicted.incrementAndGet();
        }
      };

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {11, 12})
  void chat_thousandRandomOperations_everyTurnEndsOnceAndNothingIsLeft(long seed) throws Exception {
    EngineLimits limits = new EngineLimits(64, 6, 400, CLIENTS * STREAMS, 60, 4);
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
    try (ChatServer server = new ChatServer(limits, observer)) {
      List<Future<List<Talker>>> runs = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        SplittableRandom random = new SplittableRandom(1_000 * seed + client);
        runs.add(clients.submit(() -> operate(server, random)));
      }
      Map<String, Integer> ends = new HashMap<>();
      for (Future<List<Talker>> run : runs) {
        for (Talker talker : run.get(2, TimeUnit.MINUTES)) {
          settle(talker, ends);
        }
      }

      Settled.until(() -> server.service.streams() == 0);
      Settled.until(() -> server.model.engine.conversations() == 0);
      Settled.await(server.model.engine);
      assertThat(server.model.engine.alive()).isTrue();
      assertThat(server.model.engine.turns()).isZero();
      EngineState state = server.model.engine.state();
      assertThat(state)
          .as("only what closed conversations left, evictable")
          .isEqualTo(
              new EngineState(0, 0, 0, 0, 0, state.cachedKvTokens(), limits.kvCapacityTokens()));
      assertThat(server.model.leases).hasValue(0);
      assertThat(
              TestChat.setUp(server.channel, GenerationParameters.getDefaultInstance())
                  .ask("still there?")
                  .getUsage()
                  .getGeneratedTokens())
          .isPositive();
      assertThat(ends.keySet())
          .as("seed %d reached every kind of end: %s", seed, ends)
          .contains(
              "FINISH_REASON_MAX_TOKENS", "FINISH_REASON_INTERRUPTED", "failed 3", "cancelled");
      assertThat(evicted.get()).as("evictions").isPositive();
    } finally {
      clients.shutdownNow();
    }
  }

  private static List<Talker> operate(ChatServer server, SplittableRandom random)
      throws InterruptedException {
    List<Talker> all = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      List<Talker> open = all.stream().filter(t -> !t.halfClosed && !t.cancelled).toList();
      if (open.isEmpty() || (random.nextInt(8) == 0 && open.size() < STREAMS)) {
        all.add(open(server, random));
        continue;
      }
      act(open.get(random.nextInt(open.size())), server, random);
      for (int steps = random.nextInt(6); steps > 0; steps--) {
        Settled.await(server.model.engine); // otherwise everything would be said before a step
      }
    }
    for (Talker talker : all) {
      if (!talker.cancelled) {
        talker.chat.read(1_000_000);
        if (!talker.halfClosed) {
          talker.chat.halfClose();
        }
      }
    }
    return all;
  }

  private static Talker open(ChatServer server, SplittableRandom random) {
    ChatServiceGrpc.ChatServiceStub stub = ChatServiceGrpc.newStub(server.channel);
    if (random.nextInt(3) == 0) {
      stub = stub.withDeadlineAfter(1, TimeUnit.HOURS);
    }
    Talker talker = new Talker(TestChat.open(stub, 1 + random.nextInt(40)));
    ChatSetup.Builder setup =
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setGeneration(
                GenerationParameters.newBuilder()
                    .setMaxNewTokens(1 + random.nextInt(40))
                    .setDoSample(random.nextBoolean())
                    .setTopK(20)
                    .addStop("qu"))
            .setBargeInPolicyValue(random.nextInt(BargeInPolicy.values().length - 1));
    if (random.nextInt(3) == 0) {
      setup.setMaxQueueWait(Durations.fromMillis(500));
    }
    talker.chat.setup(setup.build());
    return talker;
  }

  private static void act(Talker talker, ChatServer server, SplittableRandom random) {
    int what = random.nextInt(100);
    if (what < 45) {
      talker.said++;
      talker.chat.say(
          UserMessage.newBuilder()
              .setText("word ".repeat(1 + random.nextInt(60)))
              .setRequestId(Integer.toString(talker.said))
              .build());
    } else if (what < 50) {
      talker.said++;
      talker.chat.say("");
    } else if (what < 65) {
      talker.chat.read(random.nextInt(60) + 1);
    } else if (what < 80) {
      talker.chat.interrupt();
    } else if (what < 83) {
      talker.cancelled = true;
      talker.chat.cancel();
    } else if (what < 87) {
      talker.halfClosed = true;
      talker.chat.halfClose();
    } else {
      long millis = random.nextInt(20) == 0 ? Duration.ofHours(2).toMillis() : random.nextInt(300);
      server.clock.addAndGet(Duration.ofMillis(millis).toNanos());
      server.model.engine.wake();
    }
  }

  private static void settle(Talker talker, Map<String, Integer> ends) throws Exception {
    Status status = talker.chat.end();
    Map<Integer, Integer> endsOfTurn = new HashMap<>();
    Map<Integer, StringBuilder> deltas = new HashMap<>();
    for (ChatResponse response : talker.chat.responses) {
      switch (response.getResponseCase()) {
        case TEXT_DELTA -> {
          int turn = response.getTextDelta().getTurn();
          assertThat(endsOfTurn).as("no delta after the end").doesNotContainKey(turn);
          deltas
              .computeIfAbsent(turn, t -> new StringBuilder())
              .append(response.getTextDelta().getText());
        }
        case TURN_COMPLETE -> {
          int turn = response.getTurnComplete().getTurn();
          endsOfTurn.merge(turn, 1, Integer::sum);
          ends.merge(response.getTurnComplete().getFinishReason().name(), 1, Integer::sum);
          assertThat(response.getTurnComplete().getText())
              .isEqualTo(deltas.getOrDefault(turn, new StringBuilder()).toString())
              .doesNotContain("qu");
        }
        case TURN_FAILED -> {
          endsOfTurn.merge(response.getTurnFailed().getTurn(), 1, Integer::sum);
          int code = response.getTurnFailed().getStatus().getCode();
          ends.merge("failed " + code, 1, Integer::sum);
        }
        default -> {}
      }
    }
    assertThat(endsOfTurn.values()).as("each turn ends once").allMatch(count -> count == 1);
    if (status.isOk()) {
      assertThat(endsOfTurn).as("turns of a stream that ended well").hasSize(talker.said);
    } else {
      assertThat(status.getCode())
          .as("%s", status)
          .isIn(Status.Code.CANCELLED, Status.Code.RESOURCE_EXHAUSTED);
      assertThat(talker.cancelled || status.getCode() == Status.Code.RESOURCE_EXHAUSTED).isTrue();
      ends.merge("cancelled", 1, Integer::sum);
    }
  }
}
