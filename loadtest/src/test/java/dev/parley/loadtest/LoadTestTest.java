package dev.parley.loadtest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.client.ModelNotFoundException;
import dev.parley.client.UnavailableException;
import dev.parley.client.testing.FakeError;
import dev.parley.client.testing.FakeParleyServer;
import dev.parley.client.testing.FakeReply;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Over a real connection to the fake server. */
@Timeout(60)
class LoadTestTest {
  private final FakeParleyServer server = FakeParleyServer.listen();
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  @AfterEach
  void close() {
    server.close();
  }

  private LoadTestOptions.Builder options() {
    return LoadTestOptions.builder(server.target(), "parley-tiny").warmUp(0);
  }

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void run_closedLoop_countsEverythingOnce() {
    server.answerWith(text -> FakeReply.of("a", "b", "c"));

    LoadResult result =
        LoadTest.run(
                options().loads(List.of(new Load.Closed(4))).conversations(10).turns(3).build(),
                out)
            .get(0);

    assertThat(result.model()).isEqualTo("parley-tiny@1");
    assertThat(result.conversations()).isEqualTo(10);
    assertThat(result.peakConversations()).isBetween(1, 4);
    assertThat(result.turns()).isEqualTo(30);
    assertThat(result.tokens()).isEqualTo(120); // Three pieces and an end for each turn.
    assertThat(result.opening().count()).isEqualTo(10);
    assertThat(result.firstToken().count()).isEqualTo(30);
    assertThat(result.betweenTokens().count()).isEqualTo(60);
    assertThat(result.turn().count()).isEqualTo(30);
    assertThat(result.failedTurns()).isZero();
    assertThat(result.errors()).isEmpty();
    assertThat(result.turn().p50()).isGreaterThanOrEqualTo(result.firstToken().p50());
    assertThat(server.messages()).hasSize(30);
    assertThat(server.openConversations()).isZero();
    assertThat(server.cancellations()).isZero();
    assertThat(printed())
        .contains("4 at once · 10 conversations of 3 turns · parley-tiny@1")
        .contains("first token")
        .doesNotContain("FAILED");
  }

  @Test
  void run_closedLoop_holdsAllPlacesAtOnce() {
    AtomicInteger waiting = new AtomicInteger();
    CompletableFuture<Void> gate = new CompletableFuture<>();
    server.answerWith(
        text -> {
          if (waiting.incrementAndGet() == 8) {
            gate.complete(null);
          }
          return FakeReply.of("a").pausedBefore(0, gate);
        });

    LoadResult result =
        LoadTest.run(options().loads(List.of(new Load.Closed(8))).turns(1).build(), out).get(0);

    assertThat(result.peakConversations()).isEqualTo(8);
    assertThat(result.turns()).isEqualTo(8);
  }

  @Test
  void run_openLoop_slowServer_waitIsMeasuredFromTheIntendedStart() {
    // All replies wait until the last conversation has arrived: the first one has waited longest.
    CompletableFuture<Void> gate = new CompletableFuture<>();
    AtomicInteger arrived = new AtomicInteger();
    long[] firstAndLast = new long[2];
    server.answerWith(
        text -> {
          int number = arrived.incrementAndGet();
          if (number == 1) {
            firstAndLast[0] = System.nanoTime();
          }
          if (number == 20) {
            firstAndLast[1] = System.nanoTime();
            gate.complete(null);
          }
          return FakeReply.of("a").pausedBefore(0, gate);
        });

    LoadResult result =
        LoadTest.run(
                options()
                    .loads(List.of(new Load.Open(50)))
                    .conversations(20)
                    .turns(1)
                    .seed(3)
                    .build(),
                out)
            .get(0);

    assertThat(result.turns()).isEqualTo(20);
    assertThat(result.peakConversations()).isEqualTo(20);
    double waitedMillis = TimeUnit.NANOSECONDS.toMicros(firstAndLast[1] - firstAndLast[0]) / 1000.0;
    assertThat(result.firstToken().max()).isGreaterThan(waitedMillis * 0.99);
    assertThat(printed()).contains("50.0 a second");
  }

  @Test
  void run_severalTurnsWithThinkTime_thinkingIsNotWaiting() {
    LoadResult result =
        LoadTest.run(
                options()
                    .loads(List.of(new Load.Closed(2)))
                    .turns(3)
                    .thinkTime(Duration.ofMillis(300))
                    .build(),
                out)
            .get(0);
    assertThat(result.seconds()).isGreaterThanOrEqualTo(0.9);
    assertThat(result.turns()).isEqualTo(6);
    // Had thinking counted, the typical turn would take 300 ms or more.
    assertThat(result.turn().p50()).isLessThan(300);
  }

  @Test
  void run_turnsFail_countedByStatusAndConversationGoesOn() {
    AtomicInteger count = new AtomicInteger();
    server.answerWith(
        text ->
            count.incrementAndGet() % 2 == 0
                ? FakeReply.failing(FakeError.overloaded(Duration.ofSeconds(1)))
                : FakeReply.of("a"));
    LoadResult result =
        LoadTest.run(options().loads(List.of(new Load.Closed(1))).turns(4).build(), out).get(0);
    assertThat(result.turns()).isEqualTo(2);
    assertThat(result.failedTurns()).isEqualTo(2);
    assertThat(result.errors()).containsOnly(Map.entry("RESOURCE_EXHAUSTED", 2));
    assertThat(result.refused()).isEqualTo(2);
    assertThat(result.refusal().count()).isEqualTo(2);
    assertThat(result.failures()).isZero();
    assertThat(printed())
        .contains("2 times refused with a time to come back: after ")
        .contains("2 turns FAILED; errors: {RESOURCE_EXHAUSTED=2}, 0 of them no refusal");
  }

  @Test
  void run_refusedWithoutATimeToComeBack_isAFailure() {
    server.answerWith(
        text -> FakeReply.failing(FakeError.of(Status.Code.RESOURCE_EXHAUSTED, "FULL", "Full")));
    LoadResult result =
        LoadTest.run(options().loads(List.of(new Load.Closed(1))).turns(2).build(), out).get(0);
    assertThat(result.refused()).isZero();
    assertThat(result.failures()).isEqualTo(2);
  }

  @Test
  void run_cancelShareOne_everyConversationEndsInItsFirstReply() {
    server.answerWith(
        text -> FakeReply.of("a", "b").pausedBefore(1, new CompletableFuture<Void>()));
    LoadResult result =
        LoadTest.run(
                options()
                    .loads(List.of(new Load.Closed(2)))
                    .conversations(3)
                    .turns(1)
                    .cancelShare(1)
                    .build(),
                out)
            .get(0);
    assertThat(result.cancelled()).isEqualTo(3);
    assertThat(result.turns()).isZero();
    assertThat(result.failedTurns()).isZero();
    assertThat(result.errors()).isEmpty();
    assertThat(printed()).contains("3 conversations cancelled on purpose").doesNotContain("FAILED");
  }

  @Test
  void run_slowReaders_areAnsweredButNotMeasured() {
    server.answerWith(text -> FakeReply.of("a", "b", "c"));
    LoadResult result =
        LoadTest.run(
                options()
                    .loads(List.of(new Load.Closed(2)))
                    .turns(1)
                    .slowReaders(1, Duration.ofMillis(20))
                    .build(),
                out)
            .get(0);
    assertThat(result.turns()).isEqualTo(2);
    assertThat(result.betweenTokens().count()).isZero();
    assertThat(result.turn().count()).isZero();
    assertThat(result.seconds()).isGreaterThanOrEqualTo(0.06);
  }

  @Test
  void run_overload_offersAMultipleOfWhatWasReached() {
    server.answerWith(text -> FakeReply.of("a", "b"));
    List<LoadResult> results =
        LoadTest.run(
            options()
                .loads(List.of(new Load.Closed(1), new Load.Closed(2)))
                .conversations(6)
                .turns(2)
                .overload(4)
                .build(),
            out);
    assertThat(results).hasSize(3);
    double reached = Math.max(results.get(0).turnsPerSecond(), results.get(1).turnsPerSecond()) / 2;
    assertThat(results.get(2).load()).isEqualTo(new Load.Open(4 * reached));
    assertThat(printed()).containsPattern("against the first point: p50 × [0-9.]+, p99 × [0-9.]+");
  }

  @Test
  void run_streamDies_turnsLeftCountAsFailed() {
    server.answer(
        FakeReply.of("a").thenBreak(FakeError.of(Status.Code.INTERNAL, "BUG", "On purpose")));
    LoadResult result =
        LoadTest.run(
                options().loads(List.of(new Load.Closed(1))).conversations(2).turns(3).build(), out)
            .get(0);
    assertThat(result.turns()).isEqualTo(3);
    assertThat(result.failedTurns()).isEqualTo(3);
    assertThat(result.errors()).containsOnly(Map.entry("INTERNAL", 1));
  }

  @Test
  void run_interruptShareOne_everyReplyIsCutShort() {
    server.answerWith(
        text -> FakeReply.of("a", "b").pausedBefore(1, new CompletableFuture<Void>()));
    LoadResult result =
        LoadTest.run(
                options().loads(List.of(new Load.Closed(2))).turns(2).interruptShare(1).build(),
                out)
            .get(0);
    assertThat(result.turns()).isEqualTo(4);
    assertThat(result.interrupted()).isEqualTo(4);
    assertThat(result.tokens()).isEqualTo(8);
  }

  @Test
  void run_json_oneObjectPerPoint() {
    var results =
        LoadTest.run(
            options()
                .loads(List.of(new Load.Closed(1), new Load.Closed(2), new Load.Open(100)))
                .conversations(4)
                .warmUp(1)
                .json(true)
                .build(),
            out);
    assertThat(results).hasSize(3);
    List<String> lines = printed().lines().toList();
    assertThat(lines).hasSize(3);
    assertThat(lines.get(0))
        .startsWith("{\"loadtest\":\"closed\",\"at_once\":1,\"model\":\"parley-tiny@1\"")
        .contains("\"turns\":12,")
        .contains("\"refused\":0,\"failures\":0,")
        .contains("\"errors\":{}")
        .containsPattern("\"first_token_ms\":\\{\"count\":12,\"mean\":[0-9.]+,\"p50\":[0-9.]+")
        .endsWith("}}");
    assertThat(lines.get(2)).startsWith("{\"loadtest\":\"open\",\"per_second\":100.000,");
  }

  @Test
  void run_unknownModel_throwsBeforeAnyLoad() {
    LoadTestOptions options = LoadTestOptions.builder(server.target(), "nobody").build();
    assertThatThrownBy(() -> LoadTest.run(options, out)).isInstanceOf(ModelNotFoundException.class);
    assertThat(server.conversations()).isEqualTo(1);
    assertThat(printed()).isEmpty();
  }

  @Test
  void build_wrongValues_nameThemselves() {
    assertThatThrownBy(() -> options().turns(0).build()).hasMessageContaining("turns is 0");
    assertThatThrownBy(() -> options().interruptShare(2).build())
        .hasMessageContaining("interruptShare is 2.0");
    assertThatThrownBy(() -> options().cancelShare(-1).build()).hasMessageContaining("cancelShare");
    assertThatThrownBy(() -> options().overload(Double.NaN).build())
        .hasMessageContaining("overload is NaN");
    assertThatThrownBy(() -> new Load.Closed(0)).hasMessageContaining("conversations is 0");
    assertThatThrownBy(() -> new Load.Open(Double.NaN)).hasMessageContaining("NaN");
  }

  @Test
  void messages_fromFile_blankLinesLeftOut(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("messages.txt");
    Files.writeString(file, "Hi\n\n  \nWie geht es dir? Schön!\n");
    assertThat(options().messages(file).build().messages())
        .containsExactly("Hi", "Wie geht es dir? Schön!");
  }

  @Test
  void run_nobodyListens_throwsUnavailable() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    LoadTestOptions options =
        LoadTestOptions.builder("localhost:" + port, "a").patience(Duration.ofMillis(300)).build();
    assertThatThrownBy(() -> LoadTest.run(options, out)).isInstanceOf(UnavailableException.class);
  }
}
