package dev.parley.server.bench;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.Rounds.Series;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.Conversation;
import dev.parley.server.engine.EngineLimits;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Active conversations beside many idle ones, against the same active ones alone. Each idle one has
 * said something and got a reply before.
 */
public final class IdleBench {
  private static final long SEED = 4;
  private static final int IDLE_MESSAGE_TOKENS = 8;
  private static final int IDLE_REPLY_TOKENS = 2;

  /** Tokens of an idle conversation: message, reply, and an end of turn after each. */
  public static final int IDLE_TOKENS = IDLE_MESSAGE_TOKENS + IDLE_REPLY_TOKENS + 2;

  private IdleBench() {}

  /**
   * A measured point, steps in milliseconds.
   *
   * @param ratio of a step beside idle conversations to one without, in the same round
   * @param scheduling milliseconds of a step beside idle conversations that go into decisions
   * @param heapBytes of Java objects that an idle conversation takes, {@value #IDLE_TOKENS} tokens
   * @param cachedTokens of idle conversations whose keys and values are still there at the end, in
   *     room that nobody else needed
   * @param residentBytes by which the process has grown since the active ones ran alone
   */
  public record Point(
      Precision precision,
      int idle,
      int active,
      Spread alone,
      Spread beside,
      Spread ratio,
      double scheduling,
      double heapBytes,
      int cachedTokens,
      double residentBytes) {}

  private record Sample(Pace pace, double heapBytes, int cachedTokens, long resident) {}

  private record Both(Sample alone, Sample beside) {}

  /**
   * Measures every precision.
   *
   * @param idle conversations that have said something and are silent
   * @param active conversations whose replies are measured
   * @throws IllegalArgumentException if context and new tokens exceed the model's context
   */
  public static Measured<Point> run(Rounds rounds, int idle, int active, int context, int newTokens)
      throws InterruptedException {
    if (idle < 1 || idle > 1_000_000) {
      throw new IllegalArgumentException(
          "%d idle conversations: there must be 1 to 1,000,000".formatted(idle));
    }
    DecodeBench.check(rounds.config(), List.of(active), context, newTokens);
    List<Series<Integer, Both>> all =
        rounds.run(
            rounds.precisions(),
            precision -> List.of(active),
            (long) active * (context + newTokens),
            false,
            (model, count) ->
                new Both(
                    sample(model, 0, count, context, newTokens),
                    sample(model, idle, count, context, newTokens)));
    return new Measured<>(
        List.of(), all.stream().map(series -> point(series, idle, active)).toList());
  }

  private static Point point(Series<Integer, Both> series, int idle, int active) {
    List<Both> samples = series.samples();
    return new Point(
        series.precision(),
        idle,
        active,
        Spread.of(samples, both -> both.alone().pace().step()),
        Spread.of(samples, both -> both.beside().pace().step()),
        Spread.of(samples, both -> both.beside().pace().step() / both.alone().pace().step()),
        Spread.of(samples, both -> both.beside().pace().scheduling()).median(),
        Spread.of(samples, both -> both.beside().heapBytes() / idle).median(),
        samples.get(samples.size() - 1).beside().cachedTokens(),
        Spread.of(samples, both -> both.beside().resident() - both.alone().resident()).median());
  }

  private static Sample sample(BenchModel model, int idle, int active, int context, int newTokens)
      throws InterruptedException {
    Gpt2Config config = model.config();
    SplittableRandom random = new SplittableRandom(SEED);
    StepLog log = new StepLog(model.decoder());
    EngineLimits room = DecodeBench.limits(config, active, context + newTokens);
    EngineLimits limits =
        new EngineLimits(
                room.stepTokens(),
                room.stepRows(),
                room.kvCapacityTokens(),
                idle + room.conversations(),
                idle + room.waitingTurns(),
                4)
            .withoutSharing();
    long begin;
    double heap;
    int cached;
    long resident;
    try (ChatEngine engine = ChatEngine.over(model.decoder(), limits, log)) {
      var warm = turns(engine, active, random, context, 2);
      warm.forEach(Conversation::close);
      double before = Memory.heap();
      if (idle > 0) {
        List<Conversation> silent = Turns.open(engine, idle);
        var unused =
            Turns.run(
                engine,
                silent,
                DecodeBench.messages(random, config, idle, IDLE_MESSAGE_TOKENS),
                Turns.greedy(IDLE_REPLY_TOKENS));
      }
      heap = Memory.heap() - before;
      begin = System.nanoTime();
      var unused = turns(engine, active, random, context, newTokens);
      cached = idle == 0 ? 0 : engine.state().cachedKvTokens();
      resident = Memory.resident();
    }
    return new Sample(log.pace(active, begin), heap, cached, resident);
  }

  private static List<Conversation> turns(
      ChatEngine engine, int count, SplittableRandom random, int context, int newTokens)
      throws InterruptedException {
    List<Conversation> conversations = Turns.open(engine, count);
    var unused =
        Turns.run(
            engine,
            conversations,
            DecodeBench.messages(random, engine.config(), count, context - 1),
            Turns.greedy(newTokens));
    return conversations;
  }
}
