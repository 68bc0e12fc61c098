package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.text.Tokenizer;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.Settled;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.UserMessage;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.util.internal.PlatformDependent;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A hundred clients that ask on and never read, over TCP, while eight others talk: what the hundred
 * take is bounded, and the eight do not notice.
 */
class NeverReadingTest {
  private static final int SILENT = 100;
  private static final int TALKING = 8;
  private static final int TURNS = 16;
  private static final int NEW_TOKENS = 110;

  /** What each of the hundred would be sent: sixteen replies, a kilobyte for every four tokens. */
  private static final long OFFERED = SILENT * TURNS * NEW_TOKENS * 256L;

  /**
   * 32 KiB are sent ahead before a call counts as busy; the rest is what gRPC and netty add, on
   * both sides.
   */
  private static final long BOUND = SILENT * (208L << 10);

  private static final Logger NETTY =
      Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler");

  private final Steps steps = new Steps();
  private OneModel model;
  private ChatService service;
  private Server server;
  private final List<ManagedChannel> channels = new ArrayList<>();

  /** Counts what steps did; read between them. */
  private static final class Steps implements EngineObserver {
    volatile int count;
    volatile int rows;

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes
    public void step(long nanos, int stepRows, int promptTokens, int sampledTokens) {
      rows += stepRows;
      count++;
    }
  }

  @BeforeEach
  void start() throws Exception {
    NETTY.setLevel(Level.SEVERE); // those who leave without reading are what this is about
    // As many turns as a server takes unless told otherwise; the hundred alone have 1,600.
    EngineLimits limits = new EngineLimits(128, 64, 8_000, 200, 128, 16);
    model = new OneModel(limits, steps, System::nanoTime);
    service = new ChatService(model, judgement -> {});
    server =
        NettyServerBuilder.forPort(0, InsecureServerCredentials.create())
            .addService(service)
            .build()
            .start();
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    server.shutdownNow();
    model.close();
    NETTY.setLevel(null);
  }

  private ManagedChannel channel(int window) {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.getPort())
            .usePlaintext()
            .flowControlWindow(window)
            .build();
    channels.add(channel);
    return channel;
  }

  /** Heap and direct memory of this process, both ends of every stream. */
  private static long held() {
    return NativeMemory.heap()
        + Math.max(NativeMemory.direct(), PlatformDependent.usedDirectMemory());
  }

  @Test
  void hundredReadersThatNeverRead_takeBoundedMemoryAndNobodysPace() throws Exception {
    ManagedChannel quick = channel(1 << 20);
    talk(quick); // warms up
    int[] alone = talk(quick);
    long before = held();

    List<StormChat> silent = new ArrayList<>();
    ManagedChannel one = channel(1 << 10);
    ManagedChannel other = channel(1 << 10); // those who will read: a connection has one window
    for (int i = 0; i < SILENT; i++) {
      silent.add(ask(i < SILENT / 20 ? other : one));
      int asked = silent.size();
      Settled.until(() -> model.engine.state().parkedTurns() == asked);
    }
    assertThat(model.engine.turns()).isGreaterThan(1_000);
    long parked = held();
    talk(quick);
    int[] beside = talk(quick);
    assertThat(model.engine.state().parkedTurns()).isEqualTo(SILENT);
    long later = held();
    System.out.printf(
        "%d silent readers: %,d kB parked, %,d kB after others talked, of %,d kB offered; the"
            + " others took %d steps of %d rows alone, %d steps of %d rows beside them%n",
        SILENT,
        (parked - before) >> 10,
        (later - before) >> 10,
        OFFERED >> 10,
        alone[0],
        alone[1],
        beside[0],
        beside[1]);

    assertThat(BOUND).isLessThan(OFFERED / 2);
    assertThat(parked - before).as("what a hundred silent readers hold").isLessThan(BOUND);
    assertThat(later - parked).as("what they hold more, later").isLessThan(BOUND / 4);
    assertThat(beside[1])
        .as("rows: nothing is computed for them")
        .isBetween(alone[1] * 9 / 10, alone[1] * 11 / 10);
    assertThat(beside[0]).as("steps for the same tokens").isBetween(alone[0] / 2, alone[0] * 3 / 2);

    for (int i = 0; i < SILENT / 20; i++) { // they read again: everything comes, whole
      silent.get(i).awaitTurn(TURNS);
      assertThat(silent.get(i).ends()).hasSize(TURNS).containsValue("FINISH_REASON_MAX_TOKENS");
      assertThat(silent.get(i).faults()).isEmpty();
      silent.get(i).halfClose();
      assertThat(silent.get(i).awaitEnd()).isEqualTo(Status.OK);
    }
    assertThat(model.engine.state().parkedTurns()).isEqualTo(SILENT - SILENT / 20);
    silent.subList(SILENT / 20, SILENT).forEach(StormChat::cancel);
    Settled.until(() -> service.streams() == 0);
    Settled.until(() -> model.engine.conversations() == 0);
    Settled.await(model.engine);
    assertThat(model.engine.turns()).isZero();
    assertThat(model.engine.state().parkedTurns()).isZero();
    assertThat(model.engine.state().activeKvTokens()).isZero();
  }

  /** Asks {@link #TURNS} questions, reads the answer to the setup and nothing else. */
  private static StormChat ask(ManagedChannel channel) throws Exception {
    StormChat chat = StormChat.open(ChatServiceGrpc.newStub(channel), 1);
    chat.send(setup());
    chat.awaitAfter(0);
    for (int i = 0; i < TURNS; i++) {
      chat.send(message("q".repeat(128)));
    }
    return chat;
  }

  private static dev.parley.v1.ChatRequest message(String requestId) {
    return dev.parley.v1.ChatRequest.newBuilder()
        .setMessage(UserMessage.newBuilder().setText("go on").setRequestId(requestId))
        .build();
  }

  /** Always the longest token: a reply with many bytes for little arithmetic. */
  private static dev.parley.v1.ChatRequest setup() {
    Tokenizer tokenizer = OneModel.gpt2();
    int longest = 0;
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      longest = tokenizer.bytes(id).length > tokenizer.bytes(longest).length ? id : longest;
    }
    GenerationParameters generation =
        GenerationParameters.newBuilder()
            .setMaxNewTokens(NEW_TOKENS)
            .putLogitBias(longest, 1e6f)
            .build();
    return dev.parley.v1.ChatRequest.newBuilder()
        .setSetup(ChatSetup.newBuilder().setModel("tiny").setGeneration(generation))
        .build();
  }

  /** Eight conversations of two turns; returns how many steps and rows that took. */
  private int[] talk(ManagedChannel channel) throws Exception {
    Settled.await(model.engine);
    int stepsBefore = steps.count;
    int rowsBefore = steps.rows;
    List<StormChat> chats = new ArrayList<>();
    for (int i = 0; i < TALKING; i++) {
      StormChat chat = StormChat.open(ChatServiceGrpc.newStub(channel), TestChat.READ_ALL);
      chat.send(setup());
      chat.send(message("1"));
      chat.send(message("2"));
      chats.add(chat);
    }
    for (StormChat chat : chats) {
      chat.awaitTurn(2);
      chat.halfClose();
      assertThat(chat.awaitEnd()).isEqualTo(Status.OK);
      assertThat(chat.ends().values()).hasSize(2).allMatch(how -> how.startsWith("FINISH"));
    }
    Settled.await(model.engine);
    return new int[] {steps.count - stepsBefore, steps.rows - rowsBefore};
  }
}
