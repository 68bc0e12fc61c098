package dev.parley.server.bench;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.Rounds.Series;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.EngineLimits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Replies of many conversations at once: the real scheduler, engine thread and sampling, without
 * text and without a network. Steps that read prompts do not count.
 */
public final class DecodeBench {
  private static final long SEED = 1;
  private static final int WARM_UP_TOKENS = 4;

  private DecodeBench() {}

  /**
   * A measured point. Ratios and shares are taken in each round, then their median.
   *
   * @param streams conversations at once
   * @param tokensPerSecond of all streams together
   * @param ratio of that to {@code reference} with one stream in the same round
   * @param pace of the round in the middle: where a step's time goes
   * @param cost what a step in the middle of the replies needs
   * @param bound the shortest time of that step on the machine as it was in each round, ms
   * @param share the bound of the time that it took, in [0, 1]; more where a cache holds the
   *     weights
   */
  public record Point(
      Precision precision,
      int streams,
      Spread tokensPerSecond,
      Spread ratio,
      Spread millisecondsPerStep,
      Pace pace,
      StepCost cost,
      Spread bound,
      Spread share) {}

  /**
   * Measures every precision with every number of streams. {@code reference} with one stream is the
   * first point, asked for or not.
   *
   * @param context tokens of each prompt
   * @param newTokens tokens of each reply
   * @throws IllegalArgumentException if that exceeds the model's context or the machine's memory
   */
  public static Measured<Point> run(
      Rounds rounds, List<Integer> streams, int context, int newTokens)
      throws InterruptedException {
    check(rounds.config(), streams, context, newTokens);
    List<Series<Integer, Pace>> all =
        rounds.run(
            referenceFirst(rounds.precisions()),
            precision -> points(precision, rounds.precisions(), streams),
            true,
            (model, count) -> pace(model, count, context, newTokens));
    Series<Integer, Pace> reference = all.get(0);
    return new Measured<>(
        reference.machines(),
        all.stream().map(series -> point(series, reference, rounds, context, newTokens)).toList());
  }

  private static Point point(
      Series<Integer, Pace> series,
      Series<Integer, Pace> reference,
      Rounds rounds,
      int context,
      int newTokens) {
    List<Pace> samples = series.samples();
    List<Integer> indices = Stream.iterate(0, i -> i + 1).limit(samples.size()).toList();
    StepCost cost =
        StepCost.of(
            rounds.config(), series.precision(), series.point(), 1, context + newTokens / 2.0);
    return new Point(
        series.precision(),
        series.point(),
        Spread.of(samples, Pace::tokensPerSecond),
        Spread.of(
            indices,
            i -> samples.get(i).tokensPerSecond() / reference.samples().get(i).tokensPerSecond()),
        Spread.of(samples, Pace::step),
        samples.stream()
            .sorted(Comparator.comparingDouble(Pace::step))
            .skip((samples.size() - 1) / 2)
            .findFirst()
            .orElseThrow(),
        cost,
        Spread.of(series.machines(), cost::bound),
        Spread.of(indices, i -> cost.bound(series.machines().get(i)) / samples.get(i).step()));
  }

  /** One measurement of decoding. */
  static Pace pace(BenchModel model, int streams, int context, int newTokens)
      throws InterruptedException {
    var unused = steps(model, streams, context, WARM_UP_TOKENS);
    long begin = System.nanoTime();
    return steps(model, streams, context, newTokens).pace(streams, begin);
  }

  private static StepLog steps(BenchModel model, int streams, int context, int newTokens)
      throws InterruptedException {
    StepLog log = new StepLog(model.decoder());
    SplittableRandom random = new SplittableRandom(SEED);
    try (ChatEngine engine =
        ChatEngine.over(
            model.decoder(), limits(model.config(), streams, context + newTokens), log)) {
      var unused =
          Turns.run(
              engine,
              Turns.open(engine, streams),
              messages(random, model.config(), streams, context - 1),
              Turns.greedy(newTokens));
    }
    return log;
  }

  /** Room for exactly these conversations. */
  static EngineLimits limits(Gpt2Config config, int conversations, int tokensEach) {
    int capacity = Math.addExact(conversations * tokensEach, config.contextLength());
    EngineLimits usual = EngineLimits.of(capacity);
    return new EngineLimits(
        Math.max(usual.stepTokens(), conversations + 1),
        conversations,
        capacity,
        4 * conversations, // those that are being closed still count
        4 * conversations,
        4,
        false, // what is read is what is measured
        0); // and no token is guessed
  }

  /** Random messages of so many tokens, none of them an end of turn. */
  static List<int[]> messages(SplittableRandom random, Gpt2Config config, int count, int tokens) {
    List<int[]> messages = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      messages.add(random.ints(tokens, 0, config.endOfText()).toArray());
    }
    return messages;
  }

  /** What everything is compared with comes first. */
  static List<Precision> referenceFirst(List<Precision> precisions) {
    return Stream.concat(Stream.of(Precision.REFERENCE), precisions.stream()).distinct().toList();
  }

  private static List<Integer> points(
      Precision precision, List<Precision> asked, List<Integer> streams) {
    if (precision != Precision.REFERENCE) {
      return streams;
    }
    return Stream.concat(
            Stream.of(1), asked.contains(precision) ? streams.stream() : Stream.<Integer>empty())
        .distinct()
        .toList();
  }

  static void check(Gpt2Config config, List<Integer> streams, int context, int newTokens) {
    int most = streams.stream().mapToInt(count -> count).max().orElse(0);
    int least = streams.stream().mapToInt(count -> count).min().orElse(0);
    int limit = config.contextLength();
    if (least < 1 || context < 2 || newTokens < 2 || context + newTokens > limit) {
      throw new IllegalArgumentException(
          "%s streams with a context of %d and %d new tokens: there must be at least 1, 2 and 2, and both together at most the model's context of %d"
              .formatted(streams, context, newTokens, limit));
    }
    MemoryNeed.check(config, (long) most * (context + newTokens));
  }
}
