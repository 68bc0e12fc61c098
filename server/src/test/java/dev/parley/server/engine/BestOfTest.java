package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.rpc.Code;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.engine.TurnOutcome.FinishReason;
import dev.parley.server.rpc.RpcException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BestOfTest {
  private static final int CONTEXT = 96;
  private static final int END = TinyModel.END;
  private static final long SEED = 42;
  private static final int[] MESSAGE = new SplittableRandom(1).ints(12, 0, END).toArray();

  /** Keeps what a scorer was asked, and answers when the test says so. */
  private static final class Judge implements CandidateScorer {
    record Case(int[] prompt, List<int[]> replies, Verdict verdict) {}

    final CompletableFuture<Case> asked = new CompletableFuture<>();

    @Override
    public void score(int[] prompt, List<int[]> replies, Verdict verdict) {
      asked.complete(new Case(prompt, replies, verdict));
    }

    Case await() throws Exception {
      return asked.get(60, TimeUnit.SECONDS);
    }
  }

  private static EngineLimits limits(int capacity) {
    return new EngineLimits(64, 32, capacity, 40, 60, 8);
  }

  private static ChatEngine engine(int capacity, EngineObserver observer) {
    return new ChatEngine(TinyModel.decoder(CONTEXT), limits(capacity), observer);
  }

  private static SamplingParameters sampling(int newTokens, long seed) {
    return sampling(newTokens, seed, 1, 0, 0.95f);
  }

  private static SamplingParameters sampling(
      int newTokens, long seed, float temperature, int topK, float topP) {
    return new SamplingParameters(
        newTokens, 0, true, temperature, topK, topP, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), seed);
  }

  private static TurnRequest request(int candidates, int newTokens, CandidateScorer... scorer) {
    return new TurnRequest(
        MESSAGE,
        sampling(newTokens, SEED),
        TurnRequest.NEVER,
        TurnRequest.NEVER,
        new BestOf(candidates, scorer.length == 0 ? Optional.empty() : Optional.of(scorer[0])));
  }

  private static Reader say(Conversation conversation, TurnRequest request) {
    Reader reader = new Reader();
    conversation.submit(() -> request, reader);
    return reader;
  }

  private static void assertIdle(ChatEngine engine) throws Exception {
    Settled.await(engine);
    assertThat(engine.turns()).isZero();
    assertThat(engine.state().activeKvTokens()).isZero();
    assertThat(engine.state().waitingTurns()).isZero();
    assertThat(engine.state().runningTurns()).isZero();
  }

  /** The replies that each candidate's seed gives as a reply of its own. */
  private static List<List<Integer>> alone(ChatEngine engine, int candidates, int newTokens)
      throws Exception {
    List<List<Integer>> replies = new ArrayList<>();
    for (int i = 0; i < candidates; i++) {
      try (Conversation conversation = engine.open(() -> new int[0])) {
        TurnRequest request =
            new TurnRequest(
                MESSAGE,
                sampling(newTokens, BestOf.seed(SEED, i)),
                TurnRequest.NEVER,
                TurnRequest.NEVER);
        Reader reader = say(conversation, request);
        reader.await();
        replies.add(reader.tokens());
      }
    }
    return replies;
  }

  private static List<Integer> prompt() {
    List<Integer> prompt = new ArrayList<>();
    for (int token : MESSAGE) {
      prompt.add(token);
    }
    prompt.add(END);
    return prompt;
  }

  /** Of a reply after the prompt, by a full reading. */
  private static double logProbability(Gpt2Decoder plain, List<Integer> reply, boolean ended) {
    List<Integer> all = prompt();
    int from = all.size();
    all.addAll(reply);
    if (ended) {
      all.add(END);
    }
    float[][] logits = plain.logits(all.stream().mapToInt(Integer::intValue).toArray());
    double sum = 0;
    for (int i = from; i < all.size(); i++) {
      double total = 0;
      for (float logit : logits[i - 1]) {
        total += Math.exp(logit);
      }
      sum += logits[i - 1][all.get(i)] - Math.log(total);
    }
    return sum / (all.size() - from);
  }

  // 1000: room for all at once; 140: for two or three; 96: for hardly one beside the prompt's
  @ParameterizedTest
  @ValueSource(ints = {1_000, 140, 96})
  void submit_bestOfSix_theMostProbableOfTheRepliesThatEachSeedGivesAlone(int capacity)
      throws Exception {
    try (ChatEngine engine = engine(capacity, EngineObserver.NONE);
        Gpt2Decoder plain = TinyModel.decoder(CONTEXT)) {
      List<List<Integer>> alone = alone(engine, 6, 20);

      Conversation conversation = engine.open(() -> new int[0]);
      Reader reader = say(conversation, request(6, 20));
      TurnOutcome outcome = reader.await();

      List<ScoredReply> candidates = outcome.candidates();
      assertThat(candidates).hasSize(6);
      int best = 0;
      int tokens = 0;
      for (int i = 0; i < 6; i++) {
        ScoredReply candidate = candidates.get(i);
        boolean ended = candidate.reason() == FinishReason.END_OF_TURN;
        assertThat(candidate.generatedTokens()).isEqualTo(alone.get(i).size() + (ended ? 1 : 0));
        assertThat(candidate.meanLogProbability())
            .isCloseTo(logProbability(plain, alone.get(i), ended), within(1e-4));
        tokens += candidate.generatedTokens();
        best =
            candidate.meanLogProbability() > candidates.get(best).meanLogProbability() ? i : best;
      }
      assertThat(outcome.chosen()).isEqualTo(best);
      assertThat(reader.tokens()).isEqualTo(alone.get(best));
      assertThat(outcome.reason()).isEqualTo(candidates.get(best).reason());
      assertThat(outcome.generatedTokens()).isEqualTo(tokens);
      assertThat(alone).as("candidates are different").doesNotHaveDuplicates();
      assertIdle(engine);
      conversation.close();
      assertIdle(engine);
      assertThat(engine.state().conversations()).isZero();
      assertThat(engine.conversations()).isZero();
    }
  }

  /** Whatever is told of the logits, the mean is that of the model's own distribution. */
  @ParameterizedTest
  @CsvSource({"1,0,1", "0.8,0,1", "0.8,0,0.9", "1,12,1", "0.7,12,0.9", "1.5,40,0.5"})
  void submit_bestOfThree_meanIsOfTheModelsOwnDistribution(float temperature, int topK, float topP)
      throws Exception {
    try (ChatEngine engine = engine(1_000, EngineObserver.NONE);
        Gpt2Decoder plain = TinyModel.decoder(CONTEXT)) {
      TurnRequest request =
          new TurnRequest(
              MESSAGE,
              sampling(15, SEED, temperature, topK, topP),
              TurnRequest.NEVER,
              TurnRequest.NEVER,
              new BestOf(3, Optional.empty()));
      Reader reader = say(engine.open(() -> new int[0]), request);
      TurnOutcome outcome = reader.await();

      ScoredReply chosen = outcome.candidates().get(outcome.chosen());
      boolean ended = chosen.reason() == FinishReason.END_OF_TURN;
      assertThat(chosen.meanLogProbability())
          .isCloseTo(logProbability(plain, reader.tokens(), ended), within(1e-4));
    }
  }

  @Test
  void submit_bestOfFive_promptIsReadOnceAndTheWinnersCacheIsKept() throws Exception {
    List<int[]> calls = Collections.synchronizedList(new ArrayList<>()); // rows, prompt tokens
    Counts counts =
        new Counts() {
          @Override
          public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
            super.step(nanos, rows, promptTokens, sampledTokens);
            calls.add(new int[] {rows, promptTokens});
          }
        };
    try (ChatEngine engine = engine(1_000, counts)) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader reader = say(conversation, request(5, 20));
      TurnOutcome outcome = reader.await();
      Settled.await(engine);

      assertThat(calls.stream().mapToInt(step -> step[1]).sum()).isEqualTo(MESSAGE.length + 1);
      assertThat(calls.get(1)[0]).as("rows after the fork").isEqualTo(5);
      assertThat(counts.sampled).hasValue(outcome.generatedTokens());
      assertThat(counts.first).as("the reply, all at once").hasValue(1);
      assertThat(counts.later).hasValue(0);
      int kept = MESSAGE.length + 1 + Math.max(0, reader.tokens().size() - 1) + last(outcome);
      assertThat(engine.state().cachedKvTokens())
          .as("room for prompt and reply but its last token, of one candidate only")
          .isEqualTo(CacheRoom.of(CONTEXT).room(kept));

      TurnOutcome next = say(conversation, request(1, 5)).await();

      assertThat(next.cachedPromptTokens()).isEqualTo(kept);
      assertThat(next.promptTokens())
          .isEqualTo(2 * (MESSAGE.length + 1) + reader.tokens().size() + 1);
      assertIdle(engine);
    }
  }

  /** The last token of a reply was read where the end of the turn was chosen after it. */
  private static int last(TurnOutcome outcome) {
    return outcome.reason() == FinishReason.END_OF_TURN && outcome.generatedTokens() > 1 ? 1 : 0;
  }

  @Test
  void submit_bestOfAmongOtherTurns_everyReplyAsAlone() throws Exception {
    try (ChatEngine engine = engine(500, EngineObserver.NONE)) {
      List<List<Integer>> alone = alone(engine, 1, 15);
      Reader quiet = say(engine.open(() -> new int[0]), request(4, 15));
      quiet.await();
      List<Reader> groups = new ArrayList<>();
      List<Reader> single = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        groups.add(say(engine.open(() -> new int[0]), request(4, 15)));
        single.add(say(engine.open(() -> new int[0]), request(1, 15)));
      }
      for (int i = 0; i < 6; i++) {
        groups.get(i).await();
        single.get(i).await();
        assertThat(groups.get(i).tokens()).isEqualTo(quiet.tokens());
        assertThat(single.get(i).tokens()).isEqualTo(alone.get(0));
      }
      assertIdle(engine);
    }
  }

  @Test
  void interrupt_candidatesHalfMade_nothingIsDeliveredAndTheNextTurnIsAnswered() throws Exception {
    Semaphore permits = new Semaphore(3); // the prompt, and two tokens each
    try (ChatEngine engine = engine(1_000, new Paced(permits))) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader reader = say(conversation, request(4, 20));
      Reader behind = say(conversation, request(2, 5));
      Settled.until(() -> permits.availablePermits() == 0);
      conversation.interrupt();
      permits.release(1_000);
      TurnOutcome outcome = reader.await();

      assertThat(outcome.reason()).isEqualTo(FinishReason.INTERRUPTED);
      assertThat(outcome.candidates()).isEmpty();
      assertThat(outcome.generatedTokens()).isGreaterThanOrEqualTo(8);
      assertThat(reader.tokens()).isEmpty();
      assertThat(behind.await().promptTokens())
          .as("two messages, no reply between")
          .isEqualTo(2 * (MESSAGE.length + 1));
      assertThat(behind.await().cachedPromptTokens()).isEqualTo(MESSAGE.length + 1);
      assertThat(reader.ends).isEqualTo(1);
      assertIdle(engine);
    }
  }

  @Test
  void close_candidatesHalfMade_everyTurnEndsOnceAndNothingIsLeft() throws Exception {
    Semaphore permits = new Semaphore(2);
    try (ChatEngine engine = engine(1_000, new Paced(permits))) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader reader = say(conversation, request(4, 20));
      Settled.until(() -> permits.availablePermits() == 0);
      conversation.close();
      permits.release(1_000);

      assertThat(reader.awaitFailure().toStatus().getCode()).isEqualTo(Code.CANCELLED_VALUE);
      assertIdle(engine);
      assertThat(engine.state()).isEqualTo(EngineState.empty(limits(1_000)));
      assertThat(reader.ends).isEqualTo(1);
    }
  }

  @Test
  void closeEngine_candidatesHalfMade_theTurnFailsOnce() throws Exception {
    Semaphore permits = new Semaphore(2);
    Reader reader;
    ChatEngine engine = engine(1_000, new Paced(permits));
    try (engine) {
      reader = say(engine.open(() -> new int[0]), request(4, 20));
      Settled.until(() -> permits.availablePermits() == 0);
      permits.release(1);
    }

    assertThat(reader.awaitFailure().toStatus().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
    assertThat(reader.ends).isEqualTo(1);
    assertThat(engine.turns()).isZero();
  }

  @Test
  void submit_deadlineWhileCandidatesAreMade_endsWithoutAReply() throws Exception {
    AtomicLong clock = new AtomicLong();
    Semaphore permits = new Semaphore(2);
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), limits(1_000), new Paced(permits), clock::get)) {
      TurnRequest request =
          new TurnRequest(MESSAGE, sampling(30, SEED), 50, 500, new BestOf(4, Optional.empty()));
      Reader reader = say(engine.open(() -> new int[0]), request);
      Settled.until(() -> permits.availablePermits() == 0);
      clock.set(600);
      permits.release(1_000);

      TurnOutcome outcome = reader.await();

      assertThat(outcome.reason()).isEqualTo(FinishReason.DEADLINE);
      assertThat(reader.tokens()).isEmpty();
      assertIdle(engine);
    }
  }

  @Test
  void submit_withAScorer_itsHighestScoreWins() throws Exception {
    Judge judge = new Judge();
    try (ChatEngine engine = engine(1_000, EngineObserver.NONE)) {
      List<List<Integer>> alone = alone(engine, 4, 10);
      Reader reader = say(engine.open(() -> new int[0]), request(4, 10, judge));
      Judge.Case asked = judge.await();
      assertThat(asked.prompt()).containsExactly(prompt().stream().mapToInt(i -> i).toArray());
      for (int i = 0; i < 4; i++) {
        assertThat(asked.replies().get(i))
            .containsExactly(alone.get(i).stream().mapToInt(token -> token).toArray());
      }
      assertThat(reader.tokens()).as("before the verdict").isEmpty();
      asked.verdict().scored(new double[] {-5, -7, -2, -9});

      TurnOutcome outcome = reader.await();

      assertThat(outcome.chosen()).isEqualTo(2);
      assertThat(outcome.candidates())
          .extracting(candidate -> candidate.score().orElseThrow())
          .containsExactly(-5.0, -7.0, -2.0, -9.0);
      assertThat(reader.tokens()).isEqualTo(alone.get(2));
      asked.verdict().scored(new double[] {0, 0, 0, 0}); // a second time says nothing
      assertIdle(engine);
      assertThat(reader.ends).isEqualTo(1);
    }
  }

  @Test
  void interrupt_whileTheScorerThinks_endsAtOnceAndTheVerdictIsIgnored() throws Exception {
    Judge judge = new Judge();
    try (ChatEngine engine = engine(1_000, EngineObserver.NONE)) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader reader = say(conversation, request(3, 10, judge));
      Judge.Case asked = judge.await();
      conversation.interrupt();
      TurnOutcome outcome = reader.await();
      asked.verdict().scored(new double[] {1, 2, 3});

      assertThat(outcome.reason()).isEqualTo(FinishReason.INTERRUPTED);
      assertIdle(engine);
      assertThat(reader.tokens()).isEmpty();
      assertThat(reader.ends).isEqualTo(1);
    }
  }

  @Test
  void submit_scorerFails_theTurnFailsAndTheHistoryIsAsBefore() throws Exception {
    Judge judge = new Judge();
    try (ChatEngine engine = engine(1_000, EngineObserver.NONE)) {
      Conversation conversation = engine.open(() -> new int[0]);
      Reader reader = say(conversation, request(3, 10, judge));
      judge.await().verdict().failed(RpcException.notFound("GONE", "the judge is gone"));

      assertThat(reader.awaitFailure()).hasMessage("the judge is gone");
      assertThat(say(conversation, request(1, 5)).await().promptTokens())
          .isEqualTo(MESSAGE.length + 1);
      assertIdle(engine);
    }
  }

  @Test
  void submit_everyCandidateFails_theTurnFailsAndTheEngineGoesOn() throws Exception {
    int broken = MESSAGE.length + 3;
    try (ChatEngine engine =
        new ChatEngine(
            TinyModel.decoder(
                TinyModel.config(CONTEXT),
                Precision.FP32,
                weights -> TinyModel.breakPosition(weights, broken)),
            limits(1_000),
            EngineObserver.NONE)) {
      Conversation conversation = engine.open(() -> new int[0]);
      TurnRequest request =
          new TurnRequest(
              MESSAGE,
              new SamplingParameters(
                  20, 20, true, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), SEED),
              TurnRequest.NEVER,
              TurnRequest.NEVER,
              new BestOf(4, Optional.empty()));
      Reader reader = say(conversation, request);

      assertThat(reader.awaitFailure().toStatus().getCode()).isEqualTo(Code.INTERNAL_VALUE);
      assertThat(reader.ends).isEqualTo(1);
      assertThat(say(conversation, request(3, 2)).await().candidates()).hasSize(3);
      assertIdle(engine);
    }
  }
}
