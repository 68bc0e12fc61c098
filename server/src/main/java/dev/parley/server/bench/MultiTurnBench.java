package dev.parley.server.bench;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.Rounds.Series;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.Conversation;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.TurnOutcome;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The third turn of a conversation with a long history against the first turn of a new one, with
 * messages of the same length: what a history buffer and a kept cache are worth.
 */
public final class MultiTurnBench {
  private static final long SEED = 3;
  private static final int REPLY_TOKENS = 4;
  private static final int REPETITIONS = 5;

  /** Ends of turn and replies of the two turns before, without their messages. */
  private static final int OVERHEAD = 2 * (REPLY_TOKENS + 2);

  private MultiTurnBench() {}

  /**
   * A measured point, times to the first token in milliseconds.
   *
   * @param firstBound the shortest time of the first turn on the machine as it was in each round
   * @param thirdBound that of the third turn, which also reads the keys and values of the history
   * @param ratio of the third turn to the first in the same round
   * @param readTokens that the third turn still had to read, its message included
   */
  public record Point(
      Precision precision,
      int history,
      int message,
      Spread firstTurn,
      Spread firstBound,
      Spread thirdTurn,
      Spread thirdBound,
      Spread ratio,
      int readTokens) {}

  /**
   * A turn's time to its first token.
   *
   * @param prompt tokens of its prompt
   * @param read those that were not cached
   */
  private record FirstToken(double milliseconds, int prompt, int read) {
    static FirstToken of(TurnOutcome outcome) {
      return new FirstToken(
          Turns.firstTokenMillis(outcome),
          outcome.promptTokens(),
          outcome.promptTokens() - outcome.cachedPromptTokens());
    }

    StepCost cost(Rounds rounds, Precision precision) {
      return StepCost.of(rounds.config(), precision, rounds.device(), 1, read, prompt);
    }
  }

  /** A round's first turns, and its third turns. */
  private record Sample(List<FirstToken> first, List<FirstToken> third) {
    double firstMillis() {
      return median(first);
    }

    double thirdMillis() {
      return median(third);
    }

    private static double median(List<FirstToken> turns) {
      return Spread.of(turns, FirstToken::milliseconds).median();
    }
  }

  /**
   * Measures every precision; {@code reference} too, asked for or not.
   *
   * @param history tokens that were said before the third turn, replies and ends of turn included
   * @param message tokens of the first and of the third turn's message
   * @throws IllegalArgumentException if both and a reply exceed the model's context
   */
  public static Measured<Point> run(Rounds rounds, int history, int message)
      throws InterruptedException {
    check(rounds.config(), history, message);
    List<Series<Integer, Sample>> all =
        rounds.run(
            DecodeBench.referenceFirst(rounds.precisions()),
            precision -> List.of(history),
            2L * rounds.config().contextLength(),
            true,
            (model, tokens) -> sample(model, tokens, message));
    return new Measured<>(
        all.get(0).machines(), all.stream().map(series -> point(series, message, rounds)).toList());
  }

  private static Point point(Series<Integer, Sample> series, int message, Rounds rounds) {
    List<Sample> samples = series.samples();
    FirstToken first = samples.get(0).first().get(0);
    FirstToken third = samples.get(0).third().get(0);
    return new Point(
        series.precision(),
        series.point(),
        message,
        Spread.of(samples, Sample::firstMillis),
        Spread.of(series.machines(), first.cost(rounds, series.precision())::bound),
        Spread.of(samples, Sample::thirdMillis),
        Spread.of(series.machines(), third.cost(rounds, series.precision())::bound),
        Spread.of(samples, sample -> sample.thirdMillis() / sample.firstMillis()),
        third.read());
  }

  private static Sample sample(BenchModel model, int history, int message)
      throws InterruptedException {
    SplittableRandom random = new SplittableRandom(SEED);
    Gpt2Config config = model.config();
    List<FirstToken> first = new ArrayList<>();
    List<FirstToken> third = new ArrayList<>();
    try (ChatEngine engine =
        ChatEngine.over(
            model.decoder(),
            DecodeBench.limits(config, 2, config.contextLength()),
            EngineObserver.NONE)) {
      for (int i = 0; i <= REPETITIONS; i++) { // the first one is to warm up
        try (Conversation fresh = engine.open(() -> new int[0])) {
          TurnOutcome outcome = turn(engine, fresh, random, message);
          if (i > 0) {
            first.add(FirstToken.of(outcome));
          }
        }
        try (Conversation old = engine.open(() -> new int[0])) {
          int said = history - OVERHEAD;
          var unusedFirst = turn(engine, old, random, said / 2);
          var unusedSecond = turn(engine, old, random, said - said / 2);
          TurnOutcome outcome = turn(engine, old, random, message);
          if (i > 0) {
            third.add(FirstToken.of(outcome));
          }
        }
      }
    }
    return new Sample(first, third);
  }

  private static TurnOutcome turn(
      ChatEngine engine, Conversation conversation, SplittableRandom random, int tokens)
      throws InterruptedException {
    return Turns.run(
            engine,
            List.of(conversation),
            DecodeBench.messages(random, engine.config(), 1, tokens),
            Turns.greedy(REPLY_TOKENS))
        .get(0);
  }

  private static void check(Gpt2Config config, int history, int message) {
    int limit = config.contextLength();
    int least = OVERHEAD + 2;
    int needed = history + message + 1 + REPLY_TOKENS;
    if (history < least || message < 1 || needed > limit) {
      throw new IllegalArgumentException(
          "a history of %d tokens and a message of %d: there must be at least %d and 1, and with a reply of %d at most the model's context of %d"
              .formatted(history, message, least, REPLY_TOKENS, limit));
    }
  }
}
