package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import com.google.rpc.RetryInfo;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.engine.TurnOutcome.FinishReason;
import dev.parley.server.rpc.RpcException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChatEngineTest {
  private static final int CONTEXT = 96;
  private static final int END = TinyModel.END;

  private static EngineLimits limits(int capacity) {
    return new EngineLimits(64, 32, capacity, 40, 60, 8);
  }

  private static ChatEngine engine(int capacity) {
    return new ChatEngine(TinyModel.decoder(CONTEXT), limits(capacity), EngineObserver.NONE);
  }

  private static int[] message(int seed, int length) {
    return new SplittableRandom(seed).ints(length, 0, END).toArray();
  }

  private static Supplier<TurnRequest> greedy(int[] message, int newTokens) {
    return () ->
        new TurnRequest(
            message, SamplingParameters.greedy(newTokens), TurnRequest.NEVER, TurnRequest.NEVER);
  }

  private static Reader say(Conversation conversation, int[] message, int newTokens) {
    Reader reader = new Reader();
    conversation.submit(greedy(message, newTokens), reader);
    return reader;
  }

  /** The greedy reply by a plain loop that reads everything again for each token. */
  private static List<Integer> oracle(Gpt2Decoder decoder, List<Integer> tokens, int newTokens) {
    List<Integer> all = new ArrayList<>(tokens);
    List<Integer> reply = new ArrayList<>();
    while (reply.size() < newTokens && all.size() < CONTEXT) {
      float[][] logits = decoder.logits(all.stream().mapToInt(Integer::intValue).toArray());
      float[] last = logits[logits.length - 1];
      int best = 0;
      for (int i = 1; i < last.length; i++) {
        best = last[i] > last[best] ? i : best;
      }
      if (best == END) {
        break;
      }
      reply.add(best);
      all.add(best);
    }
    return reply;
  }

  private static List<Integer> prompt(List<Integer> history, int[] message) {
    List<Integer> all = new ArrayList<>(history);
    for (int id : message) {
      all.add(id);
    }
    all.add(END);
    return all;
  }

  private static void assertIdle(ChatEngine engine) throws Exception {
    Settled.await(engine);
    assertThat(engine.turns()).isZero();
    assertThat(engine.state().activeKvTokens()).isZero();
    assertThat(engine.state().waitingTurns()).isZero();
    assertThat(engine.state().runningTurns()).isZero();
  }

  @Test
  void submit_threeTurns_eachReadsOnlyWhatIsNewAndAnswersAsAFullReading() throws Exception {
    try (ChatEngine engine = engine(1000);
        Gpt2Decoder plain = TinyModel.decoder(CONTEXT)) {
      Conversation conversation = engine.open(() -> new int[0]);
      List<Integer> history = new ArrayList<>();
      int cached = 0;
      for (int turn = 0; turn < 3; turn++) {
        int[] message = message(turn, 7);
        List<Integer> prompt = prompt(history, message);

        Reader reader = say(conversation, message, 9);
        TurnOutcome outcome = reader.await();

        assertThat(reader.tokens()).isEqualTo(oracle(plain, prompt, 9));
        assertThat(outcome.promptTokens()).isEqualTo(prompt.size());
        assertThat(outcome.cachedPromptTokens()).isEqualTo(cached);
        history = prompt;
        history.addAll(reader.tokens());
        history.add(END);
        cached = history.size() - 2; // the last token of the reply and its end were never read
      }
      conversation.close();
      assertIdle(engine);
      assertThat(engine.state().conversations()).isZero();
      assertThat(engine.state().cachedKvTokens())
          .as("stays until someone needs the room")
          .isBetween(cached, CONTEXT);
    }
  }

  /**
   * Where keys and values are fp16, scores of a few tokens are rounded and those of many are not,
   * so that it matters to the last digits how a prompt is cut: there it is not.
   */
  @ParameterizedTest
  @CsvSource({
    "REFERENCE, 64",
    "FP32, 64",
    "FP16, 64",
    "INT12, 64",
    "BF16, 1100",
    "INT8, 1100",
    "INT4, 64"
  })
  void submit_manyAtOnce_sameRepliesAsAlone(Precision precision, int stepTokens) throws Exception {
    List<List<Integer>> alone = new ArrayList<>();
    try (ChatEngine engine =
        new ChatEngine(
            TinyModel.decoder(TinyModel.config(CONTEXT), precision),
            new EngineLimits(stepTokens, 32, 4_000, 40, 60, 8)
                .withoutSharing(), // all is read for the second turn
            EngineObserver.NONE)) {
      for (int i = 0; i < 16; i++) {
        Conversation conversation = engine.open(() -> new int[0]);
        Reader reader = say(conversation, message(i, 3 + 4 * i), 25);
        reader.await();
        alone.add(reader.tokens());
        conversation.close();
      }
      List<Reader> readers = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        readers.add(say(engine.open(() -> new int[0]), message(i, 3 + 4 * i), 25));
      }
      for (int i = 0; i < 16; i++) {
        readers.get(i).await();
        assertThat(readers.get(i).tokens()).as("conversation %d", i).isEqualTo(alone.get(i));
      }
    }
  }

  @Test
  void submit_sampledWithASeed_sameReplyAmongOthersAndFromASetupHistory() throws Exception {
    SamplingParameters sampling =
        new SamplingParameters(
            20, 0, true, 0.9f, 50, 0.95f, 0, 1, 1.1f, 0, 0, 3, Map.of(), List.of(), 42);
    Supplier<TurnRequest> request =
        () -> new TurnRequest(message(2, 5), sampling, TurnRequest.NEVER, TurnRequest.NEVER);
    try (ChatEngine engine = engine(3000)) {
      Conversation lived = engine.open(() -> new int[0]);
      Reader first = say(lived, message(1, 5), 10);
      first.await();
      Reader alone = new Reader();
      lived.submit(request, alone);
      alone.await();
      List<Integer> history = prompt(List.of(), message(1, 5));
      history.addAll(first.tokens());
      history.add(END);
      for (int i = 0; i < 10; i++) {
        say(engine.open(() -> new int[0]), message(50 + i, 10), 30);
      }
      Conversation given =
          engine.open(() -> history.stream().mapToInt(Integer::intValue).toArray());
      Reader among = new Reader();
      given.submit(request, among);
      among.await();

      assertThat(among.tokens()).isEqualTo(alone.tokens()).hasSizeGreaterThan(5);
    }
  }

  @Test
  void submit_historyOutgrowsTheContext_oldTurnsAreDroppedInOneStep() throws Exception {
    try (ChatEngine engine = engine(1000);
        Gpt2Decoder plain = TinyModel.decoder(CONTEXT)) {
      Conversation conversation = engine.open(() -> new int[0]);
      List<Integer> history = new ArrayList<>();
      int dropped = 0;
      for (int turn = 0; turn < 12; turn++) {
        int[] message = message(turn, 6);
        Reader reader = say(conversation, message, 6);
        TurnOutcome outcome = reader.await();
        if (outcome.droppedHistoryTokens() > 0) {
          dropped++;
          assertThat(history.get(outcome.droppedHistoryTokens() - 1)).isEqualTo(END);
          history = history.subList(outcome.droppedHistoryTokens(), history.size());
          assertThat(outcome.promptTokens()).isLessThanOrEqualTo(CONTEXT / 2);
        }
        List<Integer> prompt = prompt(history, message);
        assertThat(outcome.promptTokens()).isEqualTo(prompt.size());
        assertThat(reader.tokens()).isEqualTo(oracle(plain, prompt, 6));
        history = prompt;
        history.addAll(reader.tokens());
        history.add(END);
      }
      assertThat(dropped).as("times that turns were dropped").isBetween(1, 4);
    }
  }

  @Test
  void submit_messageAsLongAsTheContext_failsAloneAndHistoryStays() throws Exception {
    try (ChatEngine engine = engine(1000)) {
      Conversation conversation = engine.open(() -> new int[0]);
      say(conversation, message(1, 5), 4).await();

      assertThatThrownBy(() -> say(conversation, message(2, CONTEXT - 1), 4))
          .isInstanceOfSatisfying(
              RpcException.class,
              e -> assertThat(e.toStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE))
          .hasMessage(
              "the message has 95 tokens, but the model's context of 96 has room for 1 to 94 of"
                  + " them");

      assertThat(say(conversation, message(3, 5), 4).await().promptTokens())
          .isEqualTo(6 + 4 + 1 + 6);
      assertIdle(engine);
    }
  }

  @Test
  void submit_longestMessage_getsOneTokenAndThenTheContextIsFull() throws Exception {
    try (ChatEngine engine = engine(1000)) {
      Conversation conversation = engine.open(() -> new int[0]);

      TurnOutcome full = say(conversation, message(2, CONTEXT - 2), 4).await();
      TurnOutcome next = say(conversation, message(3, 5), 4).await();

      assertThat(full.reason()).isEqualTo(FinishReason.CONTEXT_FULL);
      assertThat(full.generatedTokens()).isEqualTo(1);
      assertThat(next.reason()).isEqualTo(FinishReason.MAX_TOKENS);
      assertThat(next.droppedHistoryTokens())
          .as("the long message; its short reply stays")
          .isEqualTo(CONTEXT - 1);
    }
  }

  @Test
  void submit_memoryForFewConversations_evictedOnesAnswerTheSame() throws Exception {
    AtomicInteger evicted = new AtomicInteger();
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void evicted(EvictionReason reason, int tokens) {
            evicted.incrementAndGet();
          }
        };
    try (ChatEngine engine = new ChatEngine(TinyModel.decoder(CONTEXT), limits(150), observer);
        Gpt2Decoder plain = TinyModel.decoder(CONTEXT)) {
      List<Conversation> conversations = new ArrayList<>();
      List<List<Integer>> histories = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        conversations.add(engine.open(() -> new int[0]));
        histories.add(new ArrayList<>());
      }
      for (int turn = 0; turn < 3; turn++) {
        List<Reader> readers = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
          readers.add(say(conversations.get(i), message(10 * i + turn, 8), 15));
        }
        for (int i = 0; i < 6; i++) {
          readers.get(i).await();
          List<Integer> prompt = prompt(histories.get(i), message(10 * i + turn, 8));
          assertThat(readers.get(i).tokens()).isEqualTo(oracle(plain, prompt, 15));
          prompt.addAll(readers.get(i).tokens());
          prompt.add(END);
          histories.set(i, prompt);
        }
        assertThat(engine.state().activeKvTokens() + engine.state().cachedKvTokens())
            .isLessThanOrEqualTo(150);
      }
      assertThat(evicted.get()).as("evictions").isGreaterThan(5);
    }
  }

  @Test
  void interrupt_inTheMiddle_whatWasSaidStaysInTheHistory() throws Exception {
    Semaphore steps = new Semaphore(0);
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), limits(1000), new Paced(steps))) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader reader = say(conversation, message(1, 5), 50);
      steps.release(3);
      Settled.until(() -> reader.tokens().size() >= 3);
      conversation.interrupt();
      steps.release(1_000);

      TurnOutcome outcome = reader.await();

      assertThat(outcome.reason()).isEqualTo(FinishReason.INTERRUPTED);
      assertThat(reader.tokens()).hasSizeBetween(3, 5).hasSize(outcome.generatedTokens());
      assertThat(say(conversation, message(2, 5), 4).await().promptTokens())
          .isEqualTo(6 + outcome.generatedTokens() + 1 + 6);
      assertIdle(engine);
    }
  }

  @Test
  void interrupt_nothingUnderWay_doesNothing() throws Exception {
    try (ChatEngine engine = engine(1000)) {
      Conversation conversation = engine.open(() -> new int[0]);
      conversation.interrupt();

      assertThat(say(conversation, message(1, 5), 4).await().reason())
          .isEqualTo(FinishReason.MAX_TOKENS);
    }
  }

  @Test
  void submit_startByPassesWhileOthersRun_failsWithoutAStep() throws Exception {
    AtomicLong clock = new AtomicLong(1_000);
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), limits(1000), EngineObserver.NONE, clock::get)) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader first = new Reader();
      first.ready = false;
      conversation.submit(greedy(message(1, 5), 3), first);
      Reader second = new Reader();
      conversation.submit(
          () ->
              new TurnRequest(message(2, 5), SamplingParameters.greedy(3), 500, TurnRequest.NEVER),
          second);
      clock.addAndGet(500);
      engine.wake();

      RpcException error = second.awaitFailure();

      assertThat(error.toStatus().getCode()).isEqualTo(Code.DEADLINE_EXCEEDED_VALUE);
      assertThat(first.outcome).isNotDone();
      first.ready = true;
      engine.wake();
      assertThat(first.await().generatedTokens()).isEqualTo(3);
      assertThat(say(conversation, message(3, 5), 2).await().promptTokens())
          .as("the expired message is not in the history")
          .isEqualTo(6 + 3 + 1 + 6);
    }
  }

  @Test
  void submit_deadlineInTheMiddle_endsTheReply() throws Exception {
    AtomicLong clock = new AtomicLong();
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), limits(1000), EngineObserver.NONE, clock::get)) {
      Reader reader =
          new Reader() {
            @Override
            public synchronized Stop token(int token) {
              ready = tokens.size() < 2;
              return super.token(token);
            }
          };
      Conversation conversation = engine.open(() -> new int[0]);
      conversation.submit(
          () ->
              new TurnRequest(message(1, 5), SamplingParameters.greedy(50), TurnRequest.NEVER, 700),
          reader);
      Settled.until(() -> reader.tokens().size() == 3);
      clock.set(700);
      engine.wake();

      TurnOutcome outcome = reader.await();

      assertThat(outcome.reason()).isEqualTo(FinishReason.DEADLINE);
      assertThat(outcome.generatedTokens()).isEqualTo(3);
      assertThat(outcome.totalNanos()).isEqualTo(700);
      assertIdle(engine);
    }
  }

  @Test
  void submit_rowWithNonFiniteLogits_failsAlone() throws Exception {
    try (ChatEngine engine =
            new ChatEngine(
                TinyModel.decoder(
                    TinyModel.config(CONTEXT),
                    Precision.FP32,
                    weights -> TinyModel.breakPosition(weights, 40)),
                limits(1000),
                EngineObserver.NONE);
        Gpt2Decoder plain = TinyModel.decoder(CONTEXT)) {
      Conversation shortOne = engine.open(() -> new int[0]);
      Conversation longOne = engine.open(() -> new int[0]);
      Reader good = say(shortOne, message(1, 5), 30);
      Reader bad = say(longOne, message(2, 30), 30);

      RpcException error = bad.awaitFailure();

      assertThat(error.toStatus().getCode()).isEqualTo(Code.INTERNAL_VALUE);
      assertThat(error).hasMessageContaining("NaN");
      good.await();
      assertThat(good.tokens()).isEqualTo(oracle(plain, prompt(List.of(), message(1, 5)), 30));
      assertThat(say(longOne, message(3, 5), 5).await().promptTokens())
          .as("the failed message is not in the history")
          .isEqualTo(6);
      assertIdle(engine);
    }
  }

  @Test
  void submit_stepThrowsForOneRow_failsAlone() throws Exception {
    Semaphore steps = new Semaphore(0);
    try (ChatEngine engine =
            new ChatEngine(TinyModel.decoder(CONTEXT), limits(1000), new Paced(steps));
        Gpt2Decoder plain = TinyModel.decoder(CONTEXT)) {
      Conversation broken = engine.open(() -> new int[0]);
      Conversation whole = engine.open(() -> new int[0]);
      int[] outside = {5, 12_345, 7}; // no such row in the embedding: libtorch throws
      Reader good = say(whole, message(1, 5), 10);
      Reader bad = say(broken, outside, 10);
      steps.release(1_000);

      RpcException error = bad.awaitFailure();

      assertThat(error.toStatus().getCode()).isEqualTo(Code.INTERNAL_VALUE);
      good.await();
      assertThat(good.tokens()).isEqualTo(oracle(plain, prompt(List.of(), message(1, 5)), 10));
      Reader after = say(broken, message(3, 5), 5);
      after.await();
      assertThat(after.tokens()).isEqualTo(oracle(plain, prompt(List.of(), message(3, 5)), 5));
      assertIdle(engine);
    }
  }

  @Test
  void submit_sinkThrows_failsThatTurnOnly() throws Exception {
    try (ChatEngine engine = engine(1000)) {
      Reader broken =
          new Reader() {
            @Override
            public synchronized Stop token(int token) {
              throw new IllegalStateException("broken reader");
            }
          };
      engine.open(() -> new int[0]).submit(greedy(message(1, 5), 10), broken);
      Reader good = say(engine.open(() -> new int[0]), message(2, 5), 10);

      assertThat(broken.awaitFailure().toStatus().getCode()).isEqualTo(Code.INTERNAL_VALUE);
      assertThat(good.await().generatedTokens()).isEqualTo(10);
      assertIdle(engine);
    }
  }

  @Test
  void submit_engineDies_everyWaiterIsTold() throws Exception {
    try (ChatEngine engine = engine(1000)) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader waiting = new Reader();
      waiting.ready = false;
      engine.open(() -> new int[0]).submit(greedy(message(1, 5), 5), waiting);
      Reader deadly =
          new Reader() {
            @Override
            public boolean ready() {
              throw new OutOfMemoryError("made by a test");
            }
          };
      conversation.submit(greedy(message(2, 5), 5), deadly);

      assertThat(waiting.awaitFailure().toStatus().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
      assertThat(deadly.awaitFailure().toStatus().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
      Settled.until(() -> !engine.alive());
      assertThat(engine.failure()).containsInstanceOf(OutOfMemoryError.class);
      assertThatThrownBy(() -> say(conversation, message(3, 5), 5))
          .isInstanceOfSatisfying(
              RpcException.class,
              e -> assertThat(e.toStatus().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE));
      assertThat(engine.turns()).isZero();
      assertThat(waiting.ends + deadly.ends).isEqualTo(2);
    }
  }

  @Test
  void submit_sinkThrowsAnErrorAtItsEnd_placeIsFreeAndOthersGoOn() throws Exception {
    try (ChatEngine engine = engine(1000)) {
      Reader broken =
          new Reader() {
            @Override
            public synchronized void finished(TurnOutcome value) {
              super.finished(value);
              throw new NoClassDefFoundError("made by a test");
            }
          };
      Conversation conversation = engine.open(() -> new int[0]);
      conversation.submit(greedy(message(1, 5), 4), broken);
      broken.await();

      assertThat(say(conversation, message(2, 5), 3).await().promptTokens())
          .isEqualTo(6 + 4 + 1 + 6);
      assertIdle(engine);
      assertThat(engine.failure()).isEmpty();
    }
  }

  @Test
  void close_whileTurnsRun_eachFailsWithUnavailable() throws Exception {
    ChatEngine engine = engine(1000);
    Reader parked = new Reader();
    parked.ready = false;
    engine.open(() -> new int[0]).submit(greedy(message(1, 5), 5), parked);

    engine.close();

    assertThat(parked.awaitFailure().toStatus().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
    assertThat(engine.failure()).isEmpty();
    assertThat(engine.alive()).isFalse();
  }

  @Test
  void submit_tooManyTurns_isRefusedWithARetryDelay() throws Exception {
    AtomicInteger refused = new AtomicInteger();
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void turnRefused() {
            refused.incrementAndGet();
            throw new NoClassDefFoundError("an observer's failure is not the client's");
          }
        };
    Semaphore gate = new Semaphore(0);
    try (ChatEngine engine =
        ChatEngine.failing(
            TinyModel.decoder(CONTEXT),
            rows -> {
              gate.acquireUninterruptibly();
              gate.release();
            },
            new EngineLimits(64, 32, 1000, 3, 4, 2),
            observer)) {
      List<Conversation> conversations = new ArrayList<>();
      List<Reader> readers = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        conversations.add(engine.open(() -> new int[0]));
      }
      for (int i = 0; i < 4; i++) {
        readers.add(say(conversations.get(i / 2), message(i, 4), 3));
      }

      assertOverloaded(() -> say(conversations.get(0), message(9, 4), 3), "2 messages");
      assertOverloaded(() -> say(conversations.get(2), message(9, 4), 3), "4 messages");
      assertThat(refused).as("turns that were refused").hasValue(2);
      assertOverloaded(() -> engine.open(() -> new int[0]), "3 conversations");
      assertThat(refused).as("a conversation is no turn").hasValue(2);

      gate.release();
      for (Reader reader : readers) {
        reader.await();
      }
      say(conversations.get(2), message(9, 4), 3).await();
      conversations.get(0).close();
      conversations.get(0).close();
      Settled.until(() -> engine.conversations() == 2);
      engine.open(() -> new int[0]);
      assertIdle(engine);
    }
  }

  @Test
  void submit_besideReadersThatDoNotRead_theyKeepNoPlaces() throws Exception {
    try (ChatEngine engine =
        new ChatEngine(
            TinyModel.decoder(CONTEXT),
            new EngineLimits(64, 32, 1000, 3, 2, 2),
            EngineObserver.NONE)) {
      Conversation silent = engine.open(() -> new int[0]);
      List<Reader> readers = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        Reader reader = new Reader();
        reader.ready = false;
        silent.submit(greedy(message(i, 4), 3), reader);
        readers.add(reader);
      }
      Settled.until(() -> engine.state().parkedTurns() == 1);

      Conversation other = engine.open(() -> new int[0]);
      List<Reader> others = List.of(say(other, message(5, 4), 3), say(other, message(6, 4), 3));
      for (Reader reader : others) {
        reader.await();
      }
      assertOverloaded(() -> say(silent, message(9, 4), 3), "2 messages of this conversation");
      for (Reader reader : readers) {
        reader.ready = true;
        engine.wake();
        reader.await();
      }
      Settled.await(engine);
      assertThat(engine.turns()).isZero();
      Reader gone = new Reader();
      gone.ready = false;
      silent.submit(greedy(message(7, 4), 3), gone);
      Settled.until(() -> engine.state().parkedTurns() == 1);
      silent.close(); // its turn ends while it keeps no place
      gone.awaitFailure();
      other.close();
      assertIdle(engine);
    }
  }

  private static void assertOverloaded(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .hasMessageStartingWith(message)
        .isInstanceOfSatisfying(
            RpcException.class,
            e -> {
              assertThat(e.toStatus().getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED_VALUE);
              try {
                RetryInfo retry = e.toStatus().getDetails(1).unpack(RetryInfo.class);
                assertThat(Durations.toMillis(retry.getRetryDelay())).isBetween(100L, 60_000L);
              } catch (InvalidProtocolBufferException bad) {
                throw new AssertionError(bad);
              }
            });
  }

  @Test
  void observer_twoTurns_countsEveryTokenOnce() throws Exception {
    List<String> ended = new ArrayList<>();
    Map<String, Integer> counts = new HashMap<>();
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
            counts.merge("steps", 1, Integer::sum);
            counts.merge("prompt", promptTokens, Integer::sum);
            counts.merge("sampled", sampledTokens, Integer::sum);
          }

          @Override
          public void turnStarted(long queuedNanos) {
            counts.merge("started", 1, Integer::sum);
          }

          @Override
          public void firstToken(long nanos) {
            counts.merge("first", 1, Integer::sum);
          }

          @Override
          public void nextToken(long nanos) {
            counts.merge("next", 1, Integer::sum);
          }

          @Override
          public void turnEnded(
              String reason, long nanos, int promptTokens, int cachedTokens, int generatedTokens) {
            ended.add(reason + " " + promptTokens + " " + cachedTokens + " " + generatedTokens);
            throw new NoClassDefFoundError("an observer's failure is not the engine's");
          }
        };
    try (ChatEngine engine = new ChatEngine(TinyModel.decoder(CONTEXT), limits(1000), observer)) {
      Conversation conversation = engine.open(() -> new int[0]);
      say(conversation, message(1, 5), 4).await();
      say(conversation, message(2, 5), 3).await();
      assertIdle(engine);
    }

    assertThat(ended).containsExactly("max_tokens 6 0 4", "max_tokens 8 9 3");
    assertThat(counts)
        .containsExactlyInAnyOrderEntriesOf(
            Map.of("steps", 7, "prompt", 14, "sampled", 7, "started", 2, "first", 2, "next", 5));
  }

  @Test
  void submit_supplierThrows_thePlaceIsFreeAgain() throws Exception {
    try (ChatEngine engine = engine(1000)) {
      Conversation conversation = engine.open(() -> new int[0]);
      for (int i = 0; i < 20; i++) {
        assertThatThrownBy(
                () ->
                    conversation.submit(
                        () -> {
                          throw new IllegalStateException("no request");
                        },
                        new Reader()))
            .hasMessage("no request");
      }
      assertThat(engine.turns()).isZero();
      assertThat(say(conversation, message(1, 4), 3).await().generatedTokens()).isEqualTo(3);
    }
  }
}
