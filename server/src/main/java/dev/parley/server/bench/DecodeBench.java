package dev.parley.server.bench;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.KeyValueCache;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.Rounds.Series;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.SamplingParameters;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;

/**
 * Greedy replies of many conversations at once: the real scheduler, engine thread and sampling,
 * without text and without a network. Steps that read prompts do not count.
 */
public final class DecodeBench {
  private static final long SEED = 1;
  private static final int WARM_UP_TOKENS = 4;

  /** So few that there are 5,000 steps. */
  private static final int WARM_UP_STREAMS = 3;

  /** Whether what runs beside libtorch is compiled, in this process. */
  private static final AtomicBoolean COMPILED = new AtomicBoolean();

  private DecodeBench() {}

  /**
   * What is decoded.
   *
   * @param prompts each in a conversation of its own; random ones, as many as streams, where empty
   * @param context tokens of each prompt, or the most tokens of one
   * @param newTokens tokens of each reply; of given prompts the most, as the model may end them
   * @param guessing whether every point is measured with guesses, too
   */
  public record Work(List<int[]> prompts, int context, int newTokens, boolean guessing) {
    /** Random prompts, no guesses. */
    public Work(int context, int newTokens) {
      this(List.of(), context, newTokens, false);
    }

    /** Copies the list. */
    public Work {
      prompts = List.copyOf(prompts);
    }
  }

  /** How something is measured. */
  private record At(int streams, boolean guessing) {}

  /**
   * A measured point. Ratios and shares are taken in each round, then their median.
   *
   * @param streams conversations at once
   * @param guessing whether tokens are guessed
   * @param tokensPerSecond of all streams together
   * @param ratio of that to {@code reference} with one stream in the same round
   * @param pace of the round in the middle: where a step's time goes
   * @param tokensPerStep of each stream: 1, and what was guessed right
   * @param gain of tokens a second, to the same without guesses in the same round
   * @param cost what a step in the middle of the replies needs, without guesses
   * @param bound the shortest time of that step on the machine as it was in each round, ms
   * @param share the bound of the time that it took, in [0, 1]; more where a cache holds the
   *     weights
   */
  public record Point(
      Precision precision,
      int streams,
      boolean guessing,
      Spread tokensPerSecond,
      Spread ratio,
      Spread millisecondsPerStep,
      Pace pace,
      Spread tokensPerStep,
      Spread gain,
      StepCost cost,
      Spread bound,
      Spread share) {}

  /**
   * Measures every precision with every number of streams. {@code reference} with one stream is the
   * first point, asked for or not.
   *
   * @throws IllegalArgumentException if that exceeds the model's context or the machine's memory,
   *     or if there are fewer prompts than streams
   */
  public static Measured<Point> run(Rounds rounds, List<Integer> streams, Work work)
      throws InterruptedException {
    check(rounds.config(), streams, work.context(), work.newTokens());
    int most = Collections.max(streams);
    if (!work.prompts().isEmpty() && work.prompts().size() < most) {
      throw new IllegalArgumentException(
          "%d prompts for %d streams: there must be at least as many"
              .formatted(work.prompts().size(), most));
    }
    if (COMPILED.compareAndSet(false, true)) {
      Work small = new Work(WarmUp.HALF, WarmUp.HALF);
      At some = new At(WARM_UP_STREAMS, false);
      WarmUp.run(
          rounds.device(), WARM_UP_STREAMS, model -> pace(model, some, small, rounds.device()));
    }
    List<Series<At, Pace>> all =
        rounds.run(
            referenceFirst(rounds.precisions()),
            precision ->
                guessed(
                    points(precision, rounds.precisions(), streams),
                    work.guessing() && precision.nearlyFreeTokens(rounds.device()) > 1),
            (long) most * (work.context() + work.newTokens()),
            true,
            (model, at) -> pace(model, at, work, rounds.device()));
    return new Measured<>(
        all.get(0).machines(),
        all.stream().map(series -> point(series, all, rounds, work)).toList());
  }

  private static List<At> guessed(List<Integer> streams, boolean guessing) {
    return streams.stream()
        .flatMap(count -> Stream.of(new At(count, false), new At(count, true)))
        .filter(at -> guessing || !at.guessing())
        .toList();
  }

  private static Point point(
      Series<At, Pace> series, List<Series<At, Pace>> all, Rounds rounds, Work work) {
    int streams = series.point().streams();
    List<Pace> reference = all.get(0).samples();
    At without = new At(streams, false);
    List<Pace> plain =
        all.stream()
            .filter(s -> s.precision() == series.precision() && s.point().equals(without))
            .findFirst()
            .orElseThrow()
            .samples();
    List<Pace> samples = series.samples();
    List<Integer> indices = Stream.iterate(0, i -> i + 1).limit(samples.size()).toList();
    StepCost cost =
        StepCost.of(
            rounds.config(),
            series.precision(),
            rounds.device(),
            streams,
            1,
            work.context() + work.newTokens() / 2.0);
    return new Point(
        series.precision(),
        streams,
        series.point().guessing(),
        Spread.of(samples, Pace::tokensPerSecond),
        Spread.of(
            indices, i -> samples.get(i).tokensPerSecond() / reference.get(i).tokensPerSecond()),
        Spread.of(samples, Pace::step),
        samples.stream()
            .sorted(Comparator.comparingDouble(Pace::step))
            .skip((samples.size() - 1) / 2)
            .findFirst()
            .orElseThrow(),
        Spread.of(samples, pace -> pace.tokensPerSecond() * pace.step() / 1e3 / streams),
        Spread.of(indices, i -> samples.get(i).tokensPerSecond() / plain.get(i).tokensPerSecond()),
        cost,
        Spread.of(series.machines(), cost::bound),
        Spread.of(indices, i -> cost.bound(series.machines().get(i)) / samples.get(i).step()));
  }

  /** One measurement of decoding. */
  private static Pace pace(BenchModel model, At at, Work work, Device device)
      throws InterruptedException {
    int guesses = at.guessing() ? model.decoder().precision().nearlyFreeTokens(device) : 0;
    List<int[]> warm =
        messages(new SplittableRandom(SEED), model.config(), at.streams(), work.context() - 1);
    var unused = steps(model, at.streams(), guesses, work, warm, Turns.greedy(WARM_UP_TOKENS));
    long begin = System.nanoTime();
    StepLog log =
        work.prompts().isEmpty()
            ? steps(model, at.streams(), guesses, work, warm, Turns.greedy(work.newTokens()))
            : steps(
                model,
                at.streams(),
                guesses,
                work,
                work.prompts(),
                SamplingParameters.greedy(work.newTokens()));
    return log.pace(at.streams(), begin);
  }

  private static StepLog steps(
      BenchModel model,
      int streams,
      int guesses,
      Work work,
      List<int[]> prompts,
      SamplingParameters sampling)
      throws InterruptedException {
    StepLog log = new StepLog(model.decoder());
    EngineLimits room = limits(model.config(), streams, work.context() + work.newTokens());
    EngineLimits limits =
        new EngineLimits(
                Math.max(room.stepTokens(), streams * (1 + work.context() / 16)), // all begin soon
                streams, // at once; the other prompts wait
                room.kvCapacityTokens(),
                prompts.size(),
                prompts.size(),
                1)
            .withoutSharing()
            .withGuessingTokens(guesses);
    try (ChatEngine engine = ChatEngine.over(model.decoder(), limits, log)) {
      var unused = Turns.run(engine, Turns.open(engine, prompts.size()), prompts, sampling);
    }
    return log;
  }

  /** Room for exactly these conversations. */
  static EngineLimits limits(Gpt2Config config, int conversations, int tokensEach) {
    int each = KeyValueCache.room(tokensEach + 16, config.contextLength()); // a start's headroom
    int capacity = Math.toIntExact((long) conversations * each + config.contextLength());
    EngineLimits usual = EngineLimits.of(capacity);
    return new EngineLimits(
            Math.max(usual.stepTokens(), conversations + 1),
            conversations,
            capacity,
            4 * conversations, // those that are being closed still count
            4 * conversations,
            4)
        .withoutSharing(); // what is read is what is measured
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
