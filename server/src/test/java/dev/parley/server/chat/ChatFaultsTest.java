package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import dev.parley.server.engine.Settled;
import dev.parley.server.ops.Scrape;
import dev.parley.server.ops.TestHome;
import dev.parley.server.ops.TestServer;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.Feedback;
import dev.parley.v1.FinishReason;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.HistoryTurn;
import dev.parley.v1.Rating;
import dev.parley.v1.Role;
import dev.parley.v1.TurnFailed;
import dev.parley.v1.UserMessage;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients and servers that vanish, and requests of hostile sizes: what each side is told. */
class ChatFaultsTest {
  private static final GenerationParameters LONG =
      GenerationParameters.newBuilder().setMaxNewTokens(200).setMinNewTokens(200).build();
  private static final GenerationParameters SHORT =
      GenerationParameters.newBuilder().setMaxNewTokens(3).setMinNewTokens(3).build();

  @TempDir static Path home;
  private static TestServer server;

  @BeforeAll
  static void start() {
    server = TestServer.start(home);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  /** Whatever was done to it, the server holds nothing and goes on. */
  @AfterEach
  void nothingIsLeft() throws Exception {
    Settled.until(() -> Scrape.of(server, "parley_streams") == 0);
    assertThat(Scrape.of(server, "parley_kv_tokens", "state=\"active\"")).isZero();
    TestChat chat = begin(SHORT);
    assertThat(chat.ask("still there?").getUsage().getGeneratedTokens()).isEqualTo(3);
    chat.halfClose();
    assertThat(chat.end()).isEqualTo(Status.OK);
    Settled.until(() -> Scrape.of(server, "parley_streams") == 0);
  }

  private static TestChat begin(GenerationParameters generation) {
    TestChat chat = TestChat.open(server.channel());
    chat.setup(ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(generation).build());
    assertThat(chat.next().hasSetupComplete()).isTrue();
    return chat;
  }

  private static List<String> fields(com.google.rpc.Status status) throws Exception {
    for (var detail : status.getDetailsList()) {
      if (detail.is(BadRequest.class)) {
        return detail.unpack(BadRequest.class).getFieldViolationsList().stream()
            .map(BadRequest.FieldViolation::getField)
            .toList();
      }
    }
    throw new AssertionError("no BadRequest in " + status);
  }

  // ---- hostile sizes ---------------------------------------------------------------------------

  @Test
  void message_ofFiveMebibytes_endsWithAWord() throws Exception {
    TestChat chat = begin(SHORT);
    chat.say("x".repeat(5 << 20));

    assertThat(chat.richEnd().getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(chat.richEnd().getMessage())
        .isEqualTo(
            "request: is larger than 4,194,304 bytes, which is the limit; no context holds that"
                + " much");
    assertThat(fields(chat.richEnd())).containsExactly("request");
  }

  @Test
  void message_ofSixtyFiveMebibytes_isCutOffByGrpcItself() throws Exception {
    TestChat chat = begin(SHORT);
    chat.say("x".repeat(65 << 20));

    // Without a word: it resets the stream before any code of ours, and logs why.
    assertThat(chat.end().getCode()).isEqualTo(Status.Code.CANCELLED);
  }

  @Test
  void message_compressedToNearlyNothing_isMeasuredAsItIsRead() throws Exception {
    TestChat chat =
        TestChat.open(
            ChatServiceGrpc.newStub(server.channel()).withCompression("gzip"), TestChat.READ_ALL);
    chat.setup(ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(SHORT).build());
    chat.next();
    chat.say("x".repeat(60 << 20));

    assertThat(fields(chat.richEnd())).containsExactly("request");
  }

  @Test
  void message_ofThreeMebibytes_failsAloneAndAtOnce() throws Exception {
    TestChat chat = begin(SHORT);
    chat.say("x".repeat(3 << 20));

    TurnFailed failed = chat.failed();

    assertThat(failed.getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(failed.getStatus().getMessage())
        .isEqualTo(
            "the message has 3,145,728 characters, far more than the model's context of 256 tokens"
                + " can hold");
    assertThat(chat.ask("hello").getUsage().getGeneratedTokens()).isEqualTo(3);
    chat.cancel();
  }

  @Test
  void history_ofHundredThousandTokens_isTakenAsFarAsTheModelSees() throws Exception {
    ChatSetup.Builder setup = ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(SHORT);
    for (int i = 0; i < 10_000; i++) {
      setup.addHistory(
          HistoryTurn.newBuilder()
              .setRole(i % 2 == 0 ? Role.ROLE_USER : Role.ROLE_ASSISTANT)
              .setText("one two three four five six seven eight nine"));
    }
    TestChat chat = TestChat.open(server.channel());
    chat.setup(setup.build());

    int taken = chat.next().getSetupComplete().getHistoryTokens();

    assertThat(taken).isBetween(257, 257 + 10);
    assertThat(chat.ask("hello").getUsage().getDroppedHistoryTokens())
        .as("half of the context stays")
        .isBetween(taken - 128, taken - 118);
    chat.cancel();
  }

  @Test
  void history_ofAMillionTurnsByNobody_endsWithAWord() throws Exception {
    ChatSetup.Builder setup = ChatSetup.newBuilder().setModel("parley-tiny");
    for (int i = 0; i < 1_000_000; i++) {
      setup.addHistory(HistoryTurn.getDefaultInstance());
    }
    TestChat chat = TestChat.open(server.channel());
    chat.setup(setup.build());

    assertThat(fields(chat.richEnd())).contains("setup.history[0].role").hasSizeBetween(10, 100);
    assertThat(chat.richEnd().getMessage()).contains("more problems");
  }

  @Test
  void stopTexts_tenThousandOfThem_areRefusedInAnErrorThatArrives() throws Exception {
    GenerationParameters.Builder empty = GenerationParameters.newBuilder();
    GenerationParameters.Builder whole = GenerationParameters.newBuilder();
    for (int i = 0; i < 10_000; i++) {
      empty.addStop("");
      whole.addStop("stop " + i);
    }
    TestChat refused = TestChat.open(server.channel());
    refused.setup(ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(empty).build());
    TestChat chat = begin(SHORT);
    chat.say(UserMessage.newBuilder().setText("hello").setGeneration(whole).build());

    assertThat(refused.richEnd().getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(refused.richEnd().getMessage())
        .startsWith("setup.generation.stop: is 10000 texts, but must be at most 16");
    assertThat(chat.failed().getStatus().getMessage())
        .isEqualTo("message.generation.stop: is 10000 texts, but must be at most 16");
    chat.cancel();
  }

  @Test
  void texts_tooLong_areRefusedByName() throws Exception {
    GenerationParameters texts =
        GenerationParameters.newBuilder()
            .addStop("s".repeat(257))
            .addBadWords("fine")
            .addBadWords("b".repeat(1 << 20))
            .build();
    TestChat chat = TestChat.open(server.channel());
    chat.setup(ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(texts).build());

    assertThat(fields(chat.richEnd()))
        .containsExactly("setup.generation.stop[0]", "setup.generation.bad_words[1]");
  }

  @Test
  void modelName_ofAMegabyte_isNotFoundInAnErrorThatArrives() throws Exception {
    for (String letter : new String[] {"x", "é"}) {
      TestChat chat = TestChat.open(server.channel());
      chat.setup(ChatSetup.newBuilder().setModel(letter.repeat(1 << 20)).build());

      assertThat(chat.richEnd()).as("a status of the server's own").isNotNull();
      assertThat(chat.richEnd().getCode()).isIn(Code.INVALID_ARGUMENT_VALUE, Code.NOT_FOUND_VALUE);
      assertThat(chat.richEnd().getMessage()).contains(letter + letter).hasSizeLessThan(3_500);
    }
  }

  @Test
  void correction_ofAMegabyte_isNotWrittenToTheFile() throws Exception {
    TestChat chat = begin(SHORT);
    chat.ask("hello");
    chat.send(
        ChatRequest.newBuilder()
            .setFeedback(
                Feedback.newBuilder()
                    .setTurn(1)
                    .setRating(Rating.RATING_BAD)
                    .setCorrection("x".repeat(1 << 20)))
            .build());

    assertThat(fields(chat.richEnd())).containsExactly("feedback.correction");
    assertThat(home.resolve("feedback.jsonl")).doesNotExist();
  }

  @Test
  void request_ofRandomBytes_endsWithAWord() throws Exception {
    MethodDescriptor<byte[], byte[]> raw =
        ChatServiceGrpc.getChatMethod().toBuilder(new Bytes(), new Bytes()).build();
    CompletableFuture<Status> end = new CompletableFuture<>();
    StreamObserver<byte[]> requests =
        ClientCalls.asyncBidiStreamingCall(
            server.channel().newCall(raw, CallOptions.DEFAULT),
            new StreamObserver<>() {
              @Override
              public void onNext(byte[] response) {}

              @Override
              public void onError(Throwable error) {
                end.complete(Status.fromThrowable(error));
              }

              @Override
              public void onCompleted() {
                end.complete(Status.OK);
              }
            });
    requests.onNext(new byte[] {(byte) 0xff, 1, 2, 3, 4});

    Status status = end.get(60, TimeUnit.SECONDS);

    assertThat(status.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(status.getDescription()).isEqualTo("request: is not a parley.v1.ChatRequest");
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  // ---- those who vanish ------------------------------------------------------------------------

  @Test
  void client_vanishesInTheMiddleOfItsReplies_everythingIsFreedAndNothingIsLogged()
      throws Exception {
    List<LogRecord> records = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public synchronized void publish(LogRecord entry) {
            records.add(entry);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger root = Logger.getLogger("io.grpc");
    root.addHandler(handler);
    try (CutConnection connection = new CutConnection(server.server().grpcPort())) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress("127.0.0.1", connection.port())
              .usePlaintext()
              .flowControlWindow(1 << 10)
              .build();
      List<TestChat> chats = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        TestChat chat = TestChat.open(channel, i % 2 == 0 ? TestChat.READ_ALL : 2);
        chat.setup(ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(LONG).build());
        for (int turn = 0; turn < 4; turn++) {
          chat.say("tell me everything");
        }
        assertThat(chat.next().hasSetupComplete()).isTrue();
        assertThat(chat.next().hasTextDelta()).isTrue();
        chats.add(chat);
      }
      connection.cut();
      chats.forEach(chat -> chat.read(1_000)); // gRPC says how it ended after what came before

      for (TestChat chat : chats) {
        assertThat(chat.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
      }
      channel.shutdownNow();
      Settled.until(() -> Scrape.of(server, "parley_streams") == 0);
    } finally {
      root.removeHandler(handler);
    }
    assertThat(records)
        .filteredOn(r -> r.getLevel().intValue() >= Level.WARNING.intValue())
        .isEmpty();
  }

  @Test
  void client_halfClosesInTheMiddle_getsTheRest() throws Exception {
    TestChat chat = begin(LONG);
    chat.say("tell me everything");
    chat.next();
    chat.halfClose();

    List<FinishReason> ends = new ArrayList<>();
    chat.turn().forEach(r -> ends.add(r.getTurnComplete().getFinishReason()));

    assertThat(ends).last().isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
    assertThat(chat.end()).isEqualTo(Status.OK);
  }

  @Test
  void server_isKilled_clientsAreToldAndTheNextOneServesTheSameHome(@TempDir Path other)
      throws Exception {
    ManagedChannel channel;
    String weights;
    try (ServerProcess first = ServerProcess.start(other)) {
      channel = NettyChannelBuilder.forAddress("127.0.0.1", first.port).usePlaintext().build();
      TestChat chat = TestChat.open(channel);
      chat.setup(ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(LONG).build());
      weights = chat.next().getSetupComplete().getModel().getWeightsSha256();
      for (int turn = 0; turn < 8; turn++) {
        chat.say("tell me everything");
      }
      chat.next();
      first.kill();

      assertThat(chat.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    } // whole turns that had come stay with the client; there is no end that looks like one
    channel.shutdownNow();
    try (ServerProcess second = ServerProcess.start(other)) {
      channel = NettyChannelBuilder.forAddress("127.0.0.1", second.port).usePlaintext().build();
      TestChat chat = TestChat.open(channel);
      chat.setup(ChatSetup.newBuilder().setModel("parley-tiny").setGeneration(SHORT).build());

      assertThat(chat.next().getSetupComplete().getModel().getWeightsSha256()).isEqualTo(weights);
      assertThat(chat.ask("hello").getUsage().getGeneratedTokens()).isEqualTo(3);
      channel.shutdownNow();
    }
  }

  @Test
  void setup_doesNotCome_endsTheStream() throws Exception {
    String name = InProcessServerBuilder.generateName();
    try (ChatServer tiny = new ChatServer()) {
      ChatService impatient = new ChatService(tiny.model, judgement -> {}, Duration.ofMillis(30));
      Server served =
          InProcessServerBuilder.forName(name).addService(impatient.limited()).build().start();
      ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
      TestChat silent = TestChat.open(channel);

      assertThat(silent.richEnd().getMessage())
          .isEqualTo("setup: is missing: it did not come within 30 ms");
      assertThat(impatient.streams()).isZero();
      channel.shutdownNow();
      served.shutdownNow();
    }
  }

  // ---- damaged weights -------------------------------------------------------------------------

  @Test
  void weights_notFinite_everyTurnFailsInWordsAndOtherModelsGoOn() throws Exception {
    Path directory = TestHome.registry(home).resolve("parley-tiny").directory();
    Path safetensors = directory.resolve("model.safetensors");
    byte[] whole = Files.readAllBytes(safetensors);
    byte[] damaged = whole.clone();
    ByteBuffer numbers = ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN);
    int header = 8 + (int) numbers.getLong(0);
    // The position embedding: what is packed is looked through when it is loaded.
    Matcher place =
        Pattern.compile("wpe\\.weight\"[^}]*data_offsets\":\\[(\\d+)")
            .matcher(new String(damaged, 0, header, StandardCharsets.ISO_8859_1));
    assertThat(place.find()).isTrue();
    numbers.putFloat(header + Integer.parseInt(place.group(1)), Float.NaN);
    // Staged from the damaged file, so that its digest is right: damage that no digest shows.
    Files.write(safetensors, damaged);
    try {
      TestHome.copy(home, "parley-tiny", "damaged");
    } finally {
      Files.write(safetensors, whole);
    }
    TestChat chat = TestChat.open(server.channel());
    chat.setup(ChatSetup.newBuilder().setModel("damaged").setGeneration(SHORT).build());
    assertThat(chat.next().hasSetupComplete()).isTrue();
    chat.say("hello");

    TurnFailed failed = chat.failed();

    assertThat(failed.getStatus().getCode()).isEqualTo(Code.INTERNAL_VALUE);
    assertThat(failed.getStatus().getMessage())
        .matches(
            "the model gave NaN for token \\d+; its weights are damaged or overflow in this"
                + " precision");
    chat.say("once more");
    assertThat(chat.failed().getTurn()).isEqualTo(2);
    chat.cancel();
  }
}
