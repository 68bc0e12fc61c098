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
   * @param ratio of the third turn to the first in the same round
   * @param readTokens that the third turn still had to read, its message included
   */
  public record Point(
      Precision precision,
      int history,
      int message,
      Spread firstTurn,
      Spread thirdTurn,
      Spread ratio,
      int readTokens) {}

  private record Sample(double first, double third, int readTokens) {}

  /**
   * Measures every precision.
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
            rounds.precisions(),
            precision -> List.of(history),
            2L * rounds.config().contextLength(),
            false,
            (model, tokens) -> sample(model, tokens, message));
    return new Measured<>(
        List.of(),
        all.stream()
            .map(
                series ->
                    new Point(
                        series.precision(),
                        history,
                        message,
                        Spread.of(series.samples(), Sample::first),
                        Spread.of(series.samples(), Sample::third),
                        Spread.of(series.samples(), sample -> sample.third() / sample.first()),
                        series.samples().get(0).readTokens()))
            .toList());
  }

  private static Sample sample(BenchModel model, int history, int message)
      throws InterruptedException {
    SplittableRandom random = new SplittableRandom(SEED);
    Gpt2Config config = model.config();
    List<Double> first = new ArrayList<>();
    List<Double> third = new ArrayList<>();
    int read = 0;
    try (ChatEngine engine =
        ChatEngine.over(
            model.decoder(),
            DecodeBench.limits(config, 2, config.contextLength()),
            EngineObserver.NONE)) {
      for (int i = 0; i <= REPETITIONS; i++) { // the first one is to warm up
        try (Conversation fresh = engine.open(() -> new int[0])) {
          TurnOutcome outcome = turn(engine, fresh, random, message);
          if (i > 0) {
            first.add(milliseconds(outcome));
          }
        }
        try (Conversation old = engine.open(() -> new int[0])) {
          int said = history - OVERHEAD;
          var unusedFirst = turn(engine, old, random, said / 2);
          var unusedSecond = turn(engine, old, random, said - said / 2);
          TurnOutcome outcome = turn(engine, old, random, message);
          read = outcome.promptTokens() - outcome.cachedPromptTokens();
          if (i > 0) {
            third.add(milliseconds(outcome));
          }
        }
      }
    }
    return new Sample(Spread.of(first, x -> x).median(), Spread.of(third, x -> x).median(), read);
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

  private static double milliseconds(TurnOutcome outcome) {
    return (outcome.firstTokenNanos() - outcome.queuedNanos()) / 1e6;
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
