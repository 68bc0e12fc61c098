package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.engine.TurnOutcome.FinishReason;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** With guesses, everything is as without them; only sooner. */
class SpeculationTest {
  private static final int CONTEXT = 110;
  private static final int END = TinyModel.END;

  /** Weights that are small enough for replies with repeats, and not for nothing else. */
  private static final double SPREAD = 0.25;

  private static EngineLimits guessing(int tokens) {
    return new EngineLimits(200, 32, 4_000, 100, 100, 10)
        .withoutSharing()
        .withGuessingTokens(tokens);
  }

  private static Gpt2Decoder decoder(Precision precision) {
    return TinyModel.decoder(
        new Gpt2Config(300, CONTEXT, 32, 2, 4, 1e-5, SPREAD, 0, END), precision);
  }

  /** All that a client can see of a turn. */
  private record Seen(
      List<Integer> tokens,
      FinishReason reason,
      String stopText,
      int promptTokens,
      int cachedPromptTokens,
      int generatedTokens,
      int droppedHistoryTokens) {}

  /** A reader with rules of its own, as stop texts and bad words are. */
  private static class Ruled extends Reader {
    private final int stopAfter;
    private final int never;

    Ruled(int stopAfter, int never) {
      this.stopAfter = stopAfter;
      this.never = never;
    }

    @Override
    public boolean allows(int token) {
      return token % 7 != never;
    }

    @Override
    public synchronized @Nullable Stop token(int token) {
      tokens.add(token);
      return tokens.size() == stopAfter
          ? new Stop("stop", List.copyOf(tokens).stream().mapToInt(i -> i).limit(3).toArray())
          : null;
    }

    Seen seen() throws Exception {
      TurnOutcome outcome = await();
      return new Seen(
          tokens(),
          outcome.reason(),
          outcome.stopText(),
          outcome.promptTokens(),
          outcome.cachedPromptTokens(),
          outcome.generatedTokens(),
          outcome.droppedHistoryTokens());
    }
  }

  private static SamplingParameters parameters(int kind, int newTokens) {
    return switch (kind % 8) {
      case 0 ->
          new SamplingParameters(
              newTokens, 12, false, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(END, 4.6f), List.of(), 0);
      case 1 -> sampled(newTokens, 0.7f, 20, 1, 0, 1, kind);
      case 2 -> sampled(newTokens, 0.5f, 0, 0.9f, 0, 1, kind);
      case 3 -> sampled(newTokens, 0.6f, 0, 1, 0.1f, 1, kind);
      case 4 -> sampled(newTokens, 0.4f, 0, 1, 0, 1, kind);
      case 5 -> sampled(newTokens, 0.5f, 40, 0.95f, 0.01f, 0.9f, kind);
      case 6 ->
          new SamplingParameters(
              newTokens,
              5,
              true,
              0.6f,
              10,
              1,
              0,
              1,
              1.05f,
              0.1f,
              0.05f,
              5,
              Map.of(3, 1f),
              List.of(new int[] {4, 5}),
              kind);
      default ->
          new SamplingParameters(
              newTokens, newTokens, false, 1, 0, 1, 0, 1, 0.95f, 0, 0, 0, Map.of(), List.of(), 0);
    };
  }

  private static SamplingParameters sampled(
      int newTokens,
      float temperature,
      int topK,
      float topP,
      float minP,
      float typicalP,
      int seed) {
    return new SamplingParameters(
        newTokens,
        0,
        true,
        temperature,
        topK,
        topP,
        minP,
        typicalP,
        1,
        0,
        0,
        0,
        Map.of(),
        List.of(),
        seed);
  }

  private static TurnRequest request(int talk, int turn, SamplingParameters parameters) {
    int[] message = new SplittableRandom(talk * 10L + turn).ints(3, 0, END).toArray();
    return new TurnRequest(message, parameters, TurnRequest.NEVER, TurnRequest.NEVER);
  }

  /** Three turns in each of many conversations, {@code together} at once. */
  private static List<Seen> talk(ChatEngine engine, int talks, int together) throws Exception {
    Seen[] seen = new Seen[3 * talks];
    for (int begin = 0; begin < talks; begin += together) {
      List<Conversation> conversations = new ArrayList<>();
      for (int i = 0; i < together; i++) {
        conversations.add(engine.open(() -> new int[0]));
      }
      for (int turn = 0; turn < 3; turn++) {
        List<Ruled> readers = new ArrayList<>();
        for (int i = 0; i < together; i++) {
          int talk = begin + i;
          int turns = turn;
          SamplingParameters parameters = parameters(talk, turn == 1 ? 60 : 25);
          Ruled reader = new Ruled(talk % 5 == 4 ? 20 : 0, talk % 3 == 2 ? 1 : 7);
          conversations.get(i).submit(() -> request(talk, turns, parameters), reader);
          readers.add(reader);
        }
        for (int i = 0; i < together; i++) {
          seen[3 * (begin + i) + turn] = readers.get(i).seen();
        }
      }
      conversations.forEach(Conversation::close);
    }
    Settled.await(engine);
    assertThat(engine.state()).isEqualTo(EngineState.empty(engine.limits()));
    return List.of(seen);
  }

  @ParameterizedTest
  @EnumSource(names = {"REFERENCE", "FP32", "FP16", "INT12", "INT8", "INT4"})
  void submit_everyRuleAndEnd_asWithoutGuesses(Precision precision) throws Exception {
    Counts plain = new Counts();
    Counts guessing = new Counts();
    Counts crowded = new Counts();
    List<Seen> expected;
    try (ChatEngine engine = new ChatEngine(decoder(precision), guessing(0), plain)) {
      expected = talk(engine, 16, 1);
    }
    try (ChatEngine engine = new ChatEngine(decoder(precision), guessing(8), guessing)) {
      assertThat(talk(engine, 16, 1)).isEqualTo(expected);
    }
    try (ChatEngine engine = new ChatEngine(decoder(precision), guessing(30), crowded)) {
      assertThat(talk(engine, 16, 8)).isEqualTo(expected);
    }
    System.out.printf(
        "%s: %d steps for %d tokens; with guesses %d steps, %d right, %d wrong%n",
        precision,
        plain.steps.get(),
        plain.generated.get(),
        guessing.steps.get(),
        guessing.accepted.get(),
        guessing.rejected.get());
    assertThat(plain.accepted.get() + plain.rejected.get()).isZero();
    assertThat(guessing.accepted.get()).isGreaterThan(60);
    assertThat(crowded.accepted.get()).isGreaterThan(30);
    assertThat(guessing.steps.get()).isLessThan(plain.steps.get() - 60);
    assertThat(expected.stream().map(Seen::reason))
        .contains(FinishReason.MAX_TOKENS, FinishReason.STOP_TEXT, FinishReason.END_OF_TURN);
    assertThat(expected).anyMatch(seen -> seen.droppedHistoryTokens() > 0);
    for (Counts counts : List.of(plain, guessing, crowded)) {
      assertThat(counts.generated.get()).isEqualTo(plain.generated.get());
      assertThat(counts.sampled.get()).isEqualTo(plain.generated.get());
      assertThat(counts.first.get()).isEqualTo(plain.first.get());
      assertThat(counts.later.get()).isEqualTo(plain.later.get());
    }
  }

  @Test
  void submit_noMemoryForGuesses_readWithoutThem() throws Exception {
    List<Seen> seen = new ArrayList<>();
    AtomicInteger refused = new AtomicInteger();
    for (boolean little : new boolean[] {false, true}) {
      try (ChatEngine engine =
          ChatEngine.failing(
              decoder(Precision.FP32),
              rows -> {
                if (little && rows.get(0).queries().size() > 1) {
                  refused.incrementAndGet();
                  throw new OutOfMemoryError("made by a test");
                }
              },
              guessing(8),
              EngineObserver.NONE)) {
        seen.add(say(engine.open(() -> new int[0]), 0, parameters(0, 60)).seen());
        assertThat(engine.failure()).isEmpty();
      }
    }
    assertThat(refused).hasPositiveValue();
    assertThat(seen.get(1)).isEqualTo(seen.get(0));
  }

  @Test
  void submit_bestOf_asWithoutGuesses() throws Exception {
    List<List<List<Integer>>> replies = new ArrayList<>();
    Counts counts = new Counts();
    for (int guesses : new int[] {0, 16}) {
      try (ChatEngine engine = new ChatEngine(decoder(Precision.FP32), guessing(guesses), counts)) {
        List<List<Integer>> said = new ArrayList<>();
        for (int talk = 0; talk < 20; talk++) {
          Reader reader = new Reader();
          TurnRequest one = request(talk, 0, sampled(40, 0.1f, 0, 1, 0, 1, talk));
          try (Conversation conversation = engine.open(() -> new int[0])) {
            conversation.submit(
                () ->
                    new TurnRequest(
                        one.message(),
                        one.sampling(),
                        TurnRequest.NEVER,
                        TurnRequest.NEVER,
                        new BestOf(3, Optional.empty())),
                reader);
            assertThat(reader.await().candidates()).hasSize(3);
          }
          said.add(reader.tokens());
        }
        Settled.await(engine);
        assertThat(engine.failure()).isEmpty();
        assertThat(engine.state()).isEqualTo(EngineState.empty(engine.limits()));
        replies.add(said);
      }
    }
    assertThat(replies.get(1)).isEqualTo(replies.get(0));
    assertThat(counts.accepted.get()).isPositive();
  }

  private static Ruled say(Conversation conversation, int turn, SamplingParameters parameters) {
    Ruled reader = new Ruled(0, 7);
    conversation.submit(() -> request(0, turn, parameters), reader);
    return reader;
  }

  @Test
  void submit_replyToTheEndOfTheContext_sameReply() throws Exception {
    List<Seen> seen = new ArrayList<>();
    for (int guesses : new int[] {0, 16}) {
      try (ChatEngine engine =
          new ChatEngine(decoder(Precision.FP32), guessing(guesses), EngineObserver.NONE)) {
        seen.add(say(engine.open(() -> new int[0]), 0, parameters(7, 1_000)).seen());
      }
    }
    assertThat(seen.get(0).reason()).isEqualTo(FinishReason.CONTEXT_FULL);
    assertThat(seen.get(1)).isEqualTo(seen.get(0));
  }

  @Test
  void interrupt_betweenGuesses_theNextReplyIsThatOfWhatWasDelivered() throws Exception {
    Counts counts = new Counts();
    try (ChatEngine engine = new ChatEngine(decoder(Precision.FP32), guessing(8), counts)) {
      Conversation conversation = engine.open(() -> new int[0]);
      Ruled cut =
          new Ruled(0, 7) {
            @Override
            public synchronized @Nullable Stop token(int token) {
              if (tokens.size() == 30) {
                conversation.interrupt();
              }
              return super.token(token);
            }
          };
      conversation.submit(() -> request(0, 0, parameters(7, 100)), cut);
      Seen first = cut.seen();
      Seen next = say(conversation, 1, parameters(0, 30)).seen();

      List<Integer> history = new ArrayList<>();
      for (int id : request(0, 0, parameters(7, 100)).message()) {
        history.add(id);
      }
      history.add(END);
      history.addAll(first.tokens());
      history.add(END);
      Conversation told = engine.open(() -> history.stream().mapToInt(Integer::intValue).toArray());
      Seen fresh = say(told, 1, parameters(0, 30)).seen();

      assertThat(first.reason()).isEqualTo(FinishReason.INTERRUPTED);
      assertThat(first.tokens()).hasSizeBetween(31, 31 + 8);
      assertThat(first.generatedTokens()).isEqualTo(first.tokens().size());
      assertThat(next.tokens()).isEqualTo(fresh.tokens());
      assertThat(next.cachedPromptTokens()).isEqualTo(history.size() - 2);
      assertThat(counts.accepted.get()).isPositive();
      told.close();
      conversation.close();
      Settled.await(engine);
      assertThat(engine.state()).isEqualTo(EngineState.empty(engine.limits()));
    }
  }

  @Test
  void submit_readerFailsAtARightGuess_theNextTurnIsAsAFirstOne() throws Exception {
    try (ChatEngine engine =
        new ChatEngine(decoder(Precision.FP32), guessing(8), EngineObserver.NONE)) {
      Conversation conversation = engine.open(() -> new int[0]);
      Ruled broken =
          new Ruled(0, 7) {
            @Override
            public synchronized @Nullable Stop token(int token) {
              if (tokens.size() == 30) {
                throw new IllegalStateException("made by a test");
              }
              return super.token(token);
            }
          };
      conversation.submit(() -> request(0, 0, parameters(7, 100)), broken);
      broken.awaitFailure();
      Seen next = say(conversation, 0, parameters(7, 100)).seen();
      Seen fresh = say(engine.open(() -> new int[0]), 0, parameters(7, 100)).seen();

      assertThat(broken.ends).isEqualTo(1);
      assertThat(next.tokens())
          .isEqualTo(fresh.tokens())
          .startsWith(broken.tokens().toArray(Integer[]::new));
    }
  }

  @Test
  void guessing_negative_isRefused() {
    assertThatThrownBy(() -> guessing(-1))
        .hasMessage("guessingTokens is -1, but must be at least 0");
  }
}
