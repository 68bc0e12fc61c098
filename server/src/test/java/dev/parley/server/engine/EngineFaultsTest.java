package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.rpc.Code;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.KeyValueCache;
import dev.parley.model.torch.Torch;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A real model whose calls fail. */
class EngineFaultsTest {
  private static final int CONTEXT = 96;
  private static final EngineLimits LIMITS = new EngineLimits(256, 32, 4_000, 40, 60, 8);

  private static int[] message(int seed, int length) {
    return new SplittableRandom(seed).ints(length, 0, TinyModel.END).toArray();
  }

  private static Reader say(Conversation conversation, int[] message) {
    Reader reader = new Reader();
    conversation.submit(
        () ->
            new TurnRequest(
                message, SamplingParameters.greedy(8), TurnRequest.NEVER, TurnRequest.NEVER),
        reader);
    return reader;
  }

  private static int tokens(List<Gpt2Decoder.Row> rows) {
    return rows.stream().mapToInt(row -> row.tokens().length).sum();
  }

  /** libtorch's own failure: no machine has 64 TB. */
  private static void exhaustMemory() {
    try (NDManager scope = Torch.newScope(TinyModel.device())) {
      scope.create(new Shape(1L << 44), DataType.FLOAT32);
    }
  }

  private static List<List<Integer>> replies(
      Consumer<List<Gpt2Decoder.Row>> beforeCall, EngineObserver observer) throws Exception {
    Semaphore steps = new Semaphore(0);
    Paced paced = new Paced(steps);
    EngineObserver both =
        new EngineObserver() {
          @Override
          public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
            paced.step(nanos, rows, promptTokens, sampledTokens);
          }

          @Override
          public void evicted(EvictionReason reason, int tokens) {
            observer.evicted(reason, tokens);
          }
        };
    List<Reader> readers = new ArrayList<>();
    try (ChatEngine engine =
        ChatEngine.failing(TinyModel.decoder(CONTEXT), beforeCall, LIMITS, both)) {
      Reader first = say(engine.open(() -> new int[0]), message(99, 5)); // idle afterwards
      steps.release(7); // the last one of eight holds the engine until all have said something
      Settled.until(() -> first.tokens().size() == 8);
      for (int i = 0; i < 7; i++) {
        readers.add(say(engine.open(() -> new int[0]), message(i, 5 + 10 * i)));
      }
      steps.release(1_000);
      for (Reader reader : readers) {
        reader.await();
      }
      Settled.await(engine);
      assertThat(engine.failure()).isEmpty();
      assertThat(engine.state().activeKvTokens()).isZero();
    }
    return readers.stream().map(Reader::tokens).toList();
  }

  @Test
  void step_outOfMemory_idleCachesGoAndTheStepIsHalved_sameReplies() throws Exception {
    List<List<Integer>> expected = replies(rows -> {}, EngineObserver.NONE);
    AtomicInteger failures = new AtomicInteger();
    AtomicInteger evicted = new AtomicInteger();
    List<Integer> made = new ArrayList<>();

    List<List<Integer>> replies =
        replies(
            rows -> {
              if (tokens(rows) > 20) { // one prompt has 66 tokens: it is read in pieces
                failures.incrementAndGet();
                exhaustMemory();
              }
              made.add(tokens(rows));
            },
            new EngineObserver() {
              @Override
              public void evicted(EvictionReason reason, int tokens) {
                assertThat(reason).isEqualTo(EvictionReason.IDLE);
                evicted.incrementAndGet();
              }
            });

    assertThat(replies).isEqualTo(expected);
    assertThat(evicted).as("the one idle conversation's cache").hasValue(1);
    assertThat(failures).hasValueGreaterThan(3);
    assertThat(made).as("tokens of the calls that were made").allMatch(tokens -> tokens <= 20);
  }

  @Test
  void step_promptReadInPiecesForLackOfMemory_whatItsCacheTookIsCounted() throws Exception {
    int context = 512;
    int tokens = 200;
    List<Integer> calls = new ArrayList<>();
    EngineLimits limits = new EngineLimits(512, 4, 2_000, 10, 10, 4);
    try (ChatEngine engine =
        ChatEngine.failing(
            TinyModel.decoder(context),
            rows -> {
              if (tokens(rows) > 60) {
                exhaustMemory();
              }
              calls.add(tokens(rows));
            },
            limits,
            EngineObserver.NONE)) {
      Reader reader = say(engine.open(() -> new int[0]), message(1, tokens));
      reader.await();
      Settled.await(engine);

      int read = calls.stream().mapToInt(Integer::intValue).sum();
      assertThat(calls).hasSizeGreaterThan(3);
      assertThat(engine.state().cachedKvTokens()).isEqualTo(KeyValueCache.room(read, context));
    }
  }

  @Test
  void step_oneBadRowAmongThirtyTwo_failsAloneAfterFewCalls() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    Semaphore steps = new Semaphore(0);
    try (ChatEngine engine =
        ChatEngine.failing(
            TinyModel.decoder(CONTEXT),
            rows -> calls.incrementAndGet(),
            LIMITS,
            new Paced(steps))) {
      Reader first = say(engine.open(() -> new int[0]), message(99, 5));
      Settled.until(steps::hasQueuedThreads); // the others come before the second step
      List<Reader> good = new ArrayList<>();
      for (int i = 0; i < 30; i++) {
        good.add(say(engine.open(() -> new int[0]), message(i, 5)));
      }
      Reader bad = say(engine.open(() -> new int[0]), new int[] {5, 12_345}); // no such token
      int before = calls.get();
      steps.release(1);

      assertThat(bad.awaitFailure().toStatus().getCode()).isEqualTo(Code.INTERNAL_VALUE);
      assertThat(calls.get() - before).as("calls for 32 rows").isBetween(6, 11);
      steps.release(1_000);
      for (Reader reader : good) {
        assertThat(reader.await().generatedTokens()).isEqualTo(8);
      }
      assertThat(first.await().generatedTokens()).isEqualTo(8);
    }
  }

  @Test
  void step_everyRowFailsAgainAndAgain_engineGivesUp() throws Exception {
    AtomicBoolean broken = new AtomicBoolean();
    try (ChatEngine engine =
        ChatEngine.failing(
            TinyModel.decoder(CONTEXT),
            rows -> {
              if (broken.get()) {
                throw new IllegalStateException("CUDA error: made by a test");
              }
            },
            LIMITS,
            EngineObserver.NONE)) {
      assertThat(say(engine.open(() -> new int[0]), message(1, 5)).await().generatedTokens())
          .isEqualTo(8);
      broken.set(true);
      for (int i = 0; i < EngineLoop.HOPELESS_STEPS; i++) {
        assertThat(engine.failure()).isEmpty();
        assertThat(
                say(engine.open(() -> new int[0]), message(1, 5))
                    .awaitFailure()
                    .toStatus()
                    .getCode())
            .isEqualTo(Code.INTERNAL_VALUE);
      }

      Throwable failure = engine.failed().toCompletableFuture().get();

      assertThat(failure)
          .hasMessage("the model failed on every row of 8 steps in a row")
          .hasRootCauseMessage("CUDA error: made by a test");
      assertThat(engine.turns()).isZero();
    }
  }

  @Test
  void step_throwsWhatNoTurnCanMend_everyWaiterIsTold() throws Exception {
    AtomicBoolean broken = new AtomicBoolean();
    try (ChatEngine engine =
        ChatEngine.failing(
            TinyModel.decoder(CONTEXT),
            rows -> {
              if (broken.get()) {
                throw new UnsatisfiedLinkError("made by a test");
              }
            },
            LIMITS,
            EngineObserver.NONE)) {
      Reader parked = new Reader();
      parked.ready = false;
      engine
          .open(() -> new int[0])
          .submit(
              () ->
                  new TurnRequest(
                      message(1, 5),
                      SamplingParameters.greedy(8),
                      TurnRequest.NEVER,
                      TurnRequest.NEVER),
              parked);
      broken.set(true);
      Reader running = say(engine.open(() -> new int[0]), message(2, 5));

      for (Reader reader : List.of(parked, running)) {
        assertThat(reader.awaitFailure())
            .hasMessageContaining("UnsatisfiedLinkError")
            .hasMessageContaining("open a new conversation")
            .satisfies(e -> assertThat(e.toStatus().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE));
      }
      assertThat(engine.failed().toCompletableFuture().get())
          .isInstanceOf(UnsatisfiedLinkError.class);
    }
  }

  private static Reader sayBestOf(Conversation conversation, int candidates, Reader reader) {
    SamplingParameters sampling =
        new SamplingParameters(
            8, 8, true, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), 42); // none ends earlier
    conversation.submit(
        () ->
            new TurnRequest(
                message(3, 5),
                sampling,
                TurnRequest.NEVER,
                TurnRequest.NEVER,
                new BestOf(candidates, Optional.empty())),
        reader);
    return reader;
  }

  @Test
  void draft_ofTheFirstCandidateThrows_theOthersCompeteOn() throws Exception {
    AtomicInteger drafts = new AtomicInteger();
    Reader reader =
        new Reader() {
          @Override
          public Draft draft() {
            boolean first = drafts.getAndIncrement() == 0;
            return new Draft() {
              @Override
              public @Nullable Stop token(int token) {
                if (first) {
                  throw new IllegalStateException("made by a test");
                }
                return null;
              }
            };
          }
        };
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), LIMITS, EngineObserver.NONE)) {
      Conversation conversation = engine.open(() -> new int[0]);

      TurnOutcome outcome = sayBestOf(conversation, 4, reader).await();

      assertThat(outcome.candidates()).extracting(ScoredReply::index).containsExactly(1, 2, 3);
      assertThat(say(conversation, message(4, 5)).await().generatedTokens()).isEqualTo(8);
      assertThat(engine.failure()).isEmpty();
      assertThat(reader.ends).isEqualTo(1);
    }
  }

  @Test
  void ready_throwsWhileCandidatesCompete_thatTurnFailsAlone() throws Exception {
    AtomicBoolean broken = new AtomicBoolean();
    Reader reader =
        new Reader() {
          @Override
          public boolean ready() {
            if (broken.get()) {
              throw new IllegalStateException("made by a test");
            }
            return true;
          }
        };
    Semaphore steps = new Semaphore(0);
    try (ChatEngine engine = new ChatEngine(TinyModel.decoder(CONTEXT), LIMITS, new Paced(steps))) {
      Conversation conversation = engine.open(() -> new int[0]);
      sayBestOf(conversation, 4, reader);
      Reader other = say(engine.open(() -> new int[0]), message(4, 5));
      steps.release(2);
      Settled.until(() -> engine.state().runningTurns() >= 5);
      broken.set(true);
      conversation.wake();
      steps.release(1_000);

      assertThat(reader.awaitFailure().toStatus().getCode()).isEqualTo(Code.INTERNAL_VALUE);
      assertThat(other.await().generatedTokens()).isEqualTo(8);
      assertThat(engine.failure()).isEmpty();
      assertThat(reader.ends).isEqualTo(1);
    }
  }
}
