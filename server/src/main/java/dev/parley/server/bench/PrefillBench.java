package dev.parley.server.bench;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.Rounds.Series;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.TurnOutcome;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Prompts of one or more conversations, up to the first token of each reply. */
public final class PrefillBench {
  private static final long SEED = 2;

  private PrefillBench() {}

  /**
   * What is read.
   *
   * @param streams prompts at once
   * @param context tokens of each
   */
  public record Prompts(int streams, int context) {
    long tokens() {
      return (long) streams * context;
    }
  }

  /**
   * A measured point. Ratios and shares are taken in each round, then their median.
   *
   * @param tokensPerSecond of all prompts together
   * @param ratio of that to {@code reference} with the same prompts in the same round
   * @param milliseconds from the first prompt's arrival to the last first token
   * @param bound the shortest time on the machine as it was in each round, ms
   * @param share the bound of the time that it took, in [0, 1]
   */
  public record Point(
      Precision precision,
      Prompts prompts,
      Spread tokensPerSecond,
      Spread ratio,
      Spread milliseconds,
      StepCost cost,
      Spread bound,
      Spread share) {}

  /**
   * Measures every precision with all prompts; {@code reference} too, asked for or not.
   *
   * @throws IllegalArgumentException if they exceed the model's context or the machine's memory
   */
  public static Measured<Point> run(Rounds rounds, List<Prompts> prompts)
      throws InterruptedException {
    if (prompts.isEmpty()) {
      throw new IllegalArgumentException("there are no prompts; ask for at least one length");
    }
    prompts.forEach(each -> check(rounds.config(), each));
    List<Series<Prompts, Double>> all =
        rounds.run(
            DecodeBench.referenceFirst(rounds.precisions()),
            precision -> prompts,
            prompts.stream().mapToLong(Prompts::tokens).max().orElseThrow(),
            true,
            PrefillBench::milliseconds);
    Map<Prompts, Series<Prompts, Double>> reference =
        all.stream()
            .filter(series -> series.precision() == Precision.REFERENCE)
            .collect(Collectors.toMap(Series::point, Function.identity()));
    return new Measured<>(
        all.get(0).machines(),
        all.stream()
            .map(series -> point(series, reference.getOrDefault(series.point(), series), rounds))
            .toList());
  }

  private static Point point(
      Series<Prompts, Double> series, Series<Prompts, Double> reference, Rounds rounds) {
    Prompts prompts = series.point();
    List<Double> samples = series.samples();
    List<Integer> indices = Stream.iterate(0, i -> i + 1).limit(samples.size()).toList();
    double tokens = prompts.tokens();
    StepCost cost =
        StepCost.of(
            rounds.config(),
            series.precision(),
            rounds.device(),
            prompts.streams(),
            prompts.context(),
            prompts.context());
    return new Point(
        series.precision(),
        prompts,
        Spread.of(samples, millis -> tokens * 1e3 / millis),
        Spread.of(indices, i -> reference.samples().get(i) / samples.get(i)),
        Spread.of(samples, millis -> millis),
        cost,
        Spread.of(series.machines(), cost::bound),
        Spread.of(indices, i -> cost.bound(series.machines().get(i)) / samples.get(i)));
  }

  private static double milliseconds(BenchModel model, Prompts prompts)
      throws InterruptedException {
    Gpt2Config config = model.config();
    SplittableRandom random = new SplittableRandom(SEED);
    double millis = 0;
    for (int i = 0; i < 2; i++) { // the first one is to warm up
      try (ChatEngine engine =
          ChatEngine.over(
              model.decoder(),
              DecodeBench.limits(config, prompts.streams(), prompts.context() + 1),
              new StepLog(model.decoder()))) {
        List<TurnOutcome> outcomes =
            Turns.run(
                engine,
                Turns.open(engine, prompts.streams()),
                DecodeBench.messages(random, config, prompts.streams(), prompts.context() - 1),
                Turns.greedy(1));
        millis = outcomes.stream().mapToDouble(Turns::firstTokenMillis).max().orElseThrow();
      }
    }
    return millis;
  }

  private static void check(Gpt2Config config, Prompts prompts) {
    int limit = config.contextLength();
    if (prompts.streams() < 1 || prompts.context() < 2 || prompts.context() + 1 > limit) {
      throw new IllegalArgumentException(
          "%d prompts of %d tokens: there must be at least 1, of 2 to %d tokens"
              .formatted(prompts.streams(), prompts.context(), limit - 1));
    }
    MemoryNeed.check(config, prompts.tokens());
  }
}
