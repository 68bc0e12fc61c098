package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.EngineState;
import dev.parley.server.engine.Settled;
import dev.parley.server.engine.TinyModel;
import dev.parley.v1.BargeInPolicy;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.Feedback;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.HistoryTurn;
import dev.parley.v1.Interrupt;
import dev.parley.v1.Rating;
import dev.parley.v1.Role;
import dev.parley.v1.UserMessage;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Thousands of turns of clients that do what clients do, on a real clock, over TCP and in-process:
 * they interrupt, barge in, cancel, read slowly, run into deadlines and waits, and send nonsense.
 *
 * <p>{@code -Dparley.storm.turns=10000} says how many turns, {@code -Dparley.storm.seed} with what
 * random numbers.
 */
class ChatStormTest {
  private static final int TURNS = Integer.getInteger("parley.storm.turns", 1_000);
  private static final long SEED = Long.getLong("parley.storm.seed", 2026);
  private static final int CLIENTS = 24;

  /** The first is for warming up: code is compiled, arenas are taken. */
  private static final int PARTS = 4;

  /** Among fewer turns, the compiler and the first ranking of many candidates count more. */
  private static final long GROWTH = TURNS >= 10_000 ? 16 << 20 : 96 << 20;

  /** As a server has them, but small: with guesses, and a bound on prompts beside replies. */
  private static final EngineLimits LIMITS =
      new EngineLimits(48, 8, 500, 40, 30, 4).withGuessingTokens(12).withPromptTokens(16);

  /** Netty logs every client that leaves before it has read everything. Held: weak otherwise. */
  private static final Logger NETTY =
      Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler");

  private final Map<String, Integer> counts = new TreeMap<>();
  private final AtomicInteger said = new AtomicInteger();
  private final AtomicInteger conversations = new AtomicInteger();
  private final AtomicInteger ended = new AtomicInteger();
  private OneModel model;
  private ChatService service;
  private Server tcp;
  private Server inProcess;
  private final List<ManagedChannel> channels = new ArrayList<>();

  private final EngineObserver observer =
      new EngineObserver() {
        @Override
        public void turnEnded(String reason, long nanos, int prompt, int cached, int generated) {
          ended.incrementAndGet();
        }

        @Override
        public void evicted(EvictionReason reason, int tokens) {
          count("evicted " + reason);
        }

        @Override
        public void guessed(int accepted, int rejected) {
          count(accepted > 0 ? "guesses that were right" : "guesses that were wrong");
        }
      };

  @BeforeEach
  void start() throws Exception {
    NETTY.setLevel(Level.SEVERE);
    // Two kilobytes a token: a cache that is not freed shows.
    model =
        new OneModel(
            TinyModel.decoder(OneModel.shape(4, 64), Precision.FP32),
            LIMITS,
            observer,
            System::nanoTime);
    service = new ChatService(model, judgement -> count("feedback"));
    tcp =
        NettyServerBuilder.forPort(0, InsecureServerCredentials.create())
            .addService(service)
            .build()
            .start();
    String name = InProcessServerBuilder.generateName();
    inProcess = InProcessServerBuilder.forName(name).addService(service).build().start();
    channels.add(InProcessChannelBuilder.forName(name).build());
    for (int i = 0; i < 3; i++) {
      channels.add(
          NettyChannelBuilder.forAddress("127.0.0.1", tcp.getPort())
              .usePlaintext()
              .flowControlWindow(1 << 10) // a reader that stops is felt soon
              .build());
    }
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    tcp.shutdownNow();
    inProcess.shutdownNow();
    NETTY.setLevel(null);
    model.close();
  }

  @Test
  void chat_thousandsOfTurnsThatGoWrongInEveryWay_eachEndsOnceAndNothingIsLeft() throws Exception {
    System.out.printf("storm: %d turns, seed %d%n", TURNS, SEED);
    long half = 0;
    for (int part = 1; part <= PARTS; part++) {
      run(TURNS * part / PARTS, 1_000 * SEED + part);
      assertNothingIsLeft();
      if (NativeMemory.known()) {
        long heap = NativeMemory.heap();
        long resident = NativeMemory.resident();
        System.out.printf(
            "after %d turns: %,d kB native, %,d kB of them direct buffers; heap %,d kB%n",
            said.get(), resident >> 10, NativeMemory.direct() >> 10, heap >> 10);
        half = part == PARTS / 2 ? resident : half;
        if (part == PARTS) {
          assertThat(resident - half).as("growth over the second half").isLessThan(GROWTH);
        }
      }
    }
    System.out.printf("%d conversations, %d turns: %s%n", conversations.get(), said.get(), counts);

    assertThat(ended.get()).isPositive().isLessThanOrEqualTo(said.get());
    assertThat(counts.keySet())
        .as("kinds of ends with seed %d", SEED)
        .contains(
            "FINISH_REASON_MAX_TOKENS",
            "FINISH_REASON_STOP_TEXT",
            "FINISH_REASON_INTERRUPTED",
            "failed INVALID_ARGUMENT",
            "failed DEADLINE_EXCEEDED",
            "failed RESOURCE_EXHAUSTED",
            "stream OK",
            "stream CANCELLED",
            "stream DEADLINE_EXCEEDED",
            "chosen from candidates",
            "ranked by a backward model",
            "guesses that were wrong",
            "evicted IDLE",
            "evicted PREEMPTED");
  }

  private void assertNothingIsLeft() throws Exception {
    Settled.until(() -> service.streams() == 0);
    Settled.until(() -> model.engine.conversations() == 0);
    Settled.await(model.engine);
    assertThat(model.engine.alive()).isTrue();
    assertThat(model.engine.turns()).isZero();
    EngineState state = model.engine.state();
    assertThat(state)
        .as("only what closed conversations left, evictable")
        .isEqualTo(
            new EngineState(0, 0, 0, 0, 0, state.cachedKvTokens(), LIMITS.kvCapacityTokens()));
    assertThat(model.leases).hasValue(0);
  }

  private synchronized void count(String what) {
    counts.merge(what, 1, Integer::sum);
  }

  /** Talks until so many messages were sent, all in all. */
  private void run(int until, long seed) throws Exception {
    ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
    try {
      List<Future<?>> runs = new ArrayList<>();
      for (int client = 0; client < CLIENTS; client++) {
        SplittableRandom random = new SplittableRandom(100 * seed + client);
        runs.add(
            clients.submit(
                () -> {
                  while (said.get() < until) {
                    converse(random);
                  }
                  return null;
                }));
      }
      for (Future<?> run : runs) {
        run.get(20, TimeUnit.MINUTES);
      }
    } finally {
      clients.shutdownNow();
    }
  }

  private void converse(SplittableRandom random) throws Exception {
    conversations.incrementAndGet();
    ChatServiceGrpc.ChatServiceStub stub =
        ChatServiceGrpc.newStub(channels.get(random.nextInt(channels.size())));
    if (random.nextInt(6) == 0) {
      stub = stub.withDeadlineAfter(1 + random.nextInt(200), TimeUnit.MILLISECONDS);
    }
    StormChat chat =
        StormChat.open(stub, random.nextInt(3) == 0 ? 1 + random.nextInt(4) : TestChat.READ_ALL);
    int turns = 0;
    boolean cancelled = false;
    boolean halfClosed = false;
    if (random.nextInt(50) > 0) { // otherwise the client forgets it
      chat.send(ChatRequest.newBuilder().setSetup(setup(random)).build());
    }
    for (int left = random.nextInt(10);
        left > 0 && !cancelled && !halfClosed && !chat.over();
        left--) {
      turns++;
      said.incrementAndGet();
      int seen = chat.responses(); // before: a senseless message is answered at once
      chat.send(ChatRequest.newBuilder().setMessage(message(random, turns)).build());
      int what = random.nextInt(100);
      if (what < 50) {
        chat.awaitTurn(turns);
      } else if (what < 65) {
        chat.read(1);
        chat.awaitAfter(seen);
        chat.send(interrupt(""));
      } else if (what < 72) {
        chat.send(interrupt(Integer.toString(1 + random.nextInt(turns))));
      } else if (what < 75) {
        cancelled = true;
        chat.cancel();
      } else if (what < 78) {
        halfClosed = true;
        chat.halfClose();
      } else if (what < 82) {
        chat.awaitTurn(turns);
        chat.send(feedback(chat, turns));
      } // else the next message comes at once
    }
    if (!cancelled && !halfClosed) {
      chat.halfClose();
    }
    chat.read(1_000_000);
    settle(chat, turns, chat.awaitEnd(), cancelled);
  }

  private void settle(StormChat chat, int turns, Status status, boolean cancelled) {
    assertThat(chat.faults()).as("seed %d, stream ended with %s", SEED, status).isEmpty();
    chat.ends().values().forEach(this::count);
    if (chat.chosen() > 0) {
      count("chosen from candidates");
    }
    if (chat.ranked() > 0) {
      count("ranked by a backward model");
    }
    count("stream " + status.getCode());
    if (status.isOk()) {
      assertThat(chat.ends()).as("turns of a stream that ended well").hasSize(turns);
    } else {
      assertThat(status.getCode())
          .as("seed %d: %s", SEED, status)
          .isIn(
              Status.Code.DEADLINE_EXCEEDED,
              Status.Code.INVALID_ARGUMENT, // no setup, or a senseless one
              cancelled ? Status.Code.CANCELLED : Status.Code.RESOURCE_EXHAUSTED);
    }
  }

  private static ChatSetup setup(SplittableRandom random) {
    GenerationParameters.Builder generation =
        GenerationParameters.newBuilder().setMaxNewTokens(1 + random.nextInt(40)).setBestOf(1);
    boolean candidates = random.nextInt(6) == 0;
    if (candidates || random.nextBoolean()) {
      generation.setTemperature(1.5f).setTopK(random.nextInt(100)).setTopP(0.9f);
    }
    if (candidates) {
      generation.setBestOf(2 + random.nextInt(9));
    }
    if (random.nextInt(3) == 0) {
      generation.addStop("e").addStop("qu").addBadWords("a").setRepetitionPenalty(1.2f);
    }
    if (random.nextInt(60) == 0) {
      generation.setTopP(-1);
    }
    ChatSetup.Builder setup =
        ChatSetup.newBuilder()
            .setModel("tiny")
            .setGeneration(generation)
            .setReturnCandidates(candidates)
            .setBargeInPolicyValue(random.nextInt(BargeInPolicy.values().length - 1));
    for (int i = random.nextInt(4) == 0 ? random.nextInt(12) : 0; i > 0; i--) {
      setup.addHistory(
          HistoryTurn.newBuilder()
              .setRole(i % 2 == 0 ? Role.ROLE_USER : Role.ROLE_ASSISTANT)
              .setText("said before ".repeat(1 + random.nextInt(8))));
    }
    if (candidates && random.nextBoolean()) {
      setup.setMmiModel("tiny");
    }
    if (random.nextInt(4) == 0) {
      setup.setMaxQueueWait(Durations.fromMillis(1 + random.nextInt(30)));
    }
    return setup.build();
  }

  private static UserMessage message(SplittableRandom random, int turn) {
    UserMessage.Builder message = UserMessage.newBuilder().setRequestId(Integer.toString(turn));
    switch (random.nextInt(24)) {
      case 0 -> message.setText("");
      case 1 -> message.setText("word ".repeat(OneModel.CONTEXT));
      case 2 -> message.setText("x").setRequestId("r".repeat(129));
      case 3 -> message.setText("x").setGeneration(GenerationParameters.newBuilder().setBestOf(0));
      case 4 ->
          message
              .setText("x")
              .setGeneration(GenerationParameters.newBuilder().setMinP(2).putLogitBias(-1, 1));
      default -> message.setText("word ".repeat(1 + random.nextInt(60)));
    }
    return message.build();
  }

  private static ChatRequest interrupt(String requestId) {
    return ChatRequest.newBuilder()
        .setInterrupt(Interrupt.newBuilder().setRequestId(requestId))
        .build();
  }

  /** On a turn that was answered, if this one was: anything else ends the stream. */
  private static ChatRequest feedback(StormChat chat, int turn) {
    return chat.ends().getOrDefault(turn, "failed").startsWith("failed")
        ? interrupt("")
        : ChatRequest.newBuilder()
            .setFeedback(Feedback.newBuilder().setTurn(turn).setRating(Rating.RATING_GOOD))
            .build();
  }
}
