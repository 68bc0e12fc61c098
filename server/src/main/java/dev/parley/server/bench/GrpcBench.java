package dev.parley.server.bench;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import dev.parley.server.bench.Rounds.Series;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.SamplingParameters;
import dev.parley.v1.GenerationParameters;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * The same turns through gRPC and straight into the engine: what the rest of the server costs.
 * Clients and server share this process and its cores.
 */
public final class GrpcBench {
  private static final long SEED = 5;
  private static final int WARM_UP_TOKENS = 8;

  /** As many as make a step of the smallest model worth its time. */
  private static final int WARM_UP_STREAMS = 32;

  private static final float TOP_P = 0.9f;

  private GrpcBench() {}

  /**
   * A measured point.
   *
   * @param ratio of tokens per second through gRPC to those of the engine alone, in the same round
   * @param engine where the time of a step goes without gRPC
   * @param grpc where it goes with it
   * @param serverCpu processor time of gRPC's threads on the server's side, ms a step
   * @param clientCpu that of the clients
   * @param compilers time that HotSpot's compilers took with gRPC, ms a step
   * @param processCpu that of everything: libtorch, the engine, compilers, garbage collection
   */
  public record Point(
      Precision precision,
      int streams,
      Spread engineTokensPerSecond,
      Spread grpcTokensPerSecond,
      Spread ratio,
      Pace engine,
      Pace grpc,
      double serverCpu,
      double clientCpu,
      double compilers,
      double processCpu) {}

  private record Sample(
      Pace engine,
      Pace grpc,
      double serverCpu,
      double clientCpu,
      double compilers,
      double processCpu) {
    double ratio() {
      return grpc.tokensPerSecond() / engine.tokensPerSecond();
    }
  }

  /**
   * Measures every precision.
   *
   * @param sampled whether tokens are drawn with top-p 0.9, or the most probable one is taken
   * @throws IllegalArgumentException if context and new tokens exceed the model's context
   */
  public static Measured<Point> run(
      Rounds rounds, int streams, int context, int newTokens, boolean sampled)
      throws InterruptedException {
    DecodeBench.check(rounds.config(), List.of(streams), context, newTokens);
    try (Tokenizer tokenizer = Gpt2Vocabulary.tokenizer()) {
      WarmUp.run(
          rounds.device(),
          WARM_UP_STREAMS, // greedy: a random model's top-p has half of the vocabulary to draw from
          model ->
              new Sampling(model, tokenizer, false)
                  .sample(WARM_UP_STREAMS, WarmUp.HALF / 2, WarmUp.HALF));
      List<Series<Integer, Sample>> all =
          rounds.run(
              rounds.precisions(),
              precision -> List.of(streams),
              (long) streams * (context + newTokens),
              false,
              (model, count) ->
                  new Sampling(model, tokenizer, sampled).sample(count, context, newTokens));
      return new Measured<>(List.of(), all.stream().map(series -> point(series, streams)).toList());
    }
  }

  private static Point point(Series<Integer, Sample> series, int streams) {
    List<Sample> samples = series.samples();
    Sample middle =
        samples.stream()
            .sorted(Comparator.comparingDouble(Sample::ratio))
            .skip((samples.size() - 1) / 2)
            .findFirst()
            .orElseThrow();
    return new Point(
        series.precision(),
        streams,
        Spread.of(samples, sample -> sample.engine().tokensPerSecond()),
        Spread.of(samples, sample -> sample.grpc().tokensPerSecond()),
        Spread.of(samples, Sample::ratio),
        middle.engine(),
        middle.grpc(),
        middle.serverCpu(),
        middle.clientCpu(),
        middle.compilers(),
        middle.processCpu());
  }

  /** One round of one model. */
  private record Sampling(BenchModel model, Tokenizer tokenizer, boolean sampled) {
    Sample sample(int streams, int context, int newTokens) throws InterruptedException {
      Gpt2Config config = model.config();
      SplittableRandom random = new SplittableRandom(SEED);
      List<String> messages = new ArrayList<>();
      for (int i = 0; i < streams; i++) {
        messages.add(Words.message(random, context - 1));
      }
      List<int[]> tokens = messages.stream().map(tokenizer::encode).toList();
      var limits = DecodeBench.limits(config, streams, context + newTokens);

      StepLog engineLog = new StepLog(model.decoder());
      long begin;
      try (ChatEngine engine = ChatEngine.over(model.decoder(), limits, engineLog)) {
        var unusedToo =
            Turns.run(engine, Turns.open(engine, streams), tokens, sampling(WARM_UP_TOKENS));
        begin = System.nanoTime();
        var unused = Turns.run(engine, Turns.open(engine, streams), tokens, sampling(newTokens));
      }
      Pace alone = engineLog.pace(streams, begin);

      StepLog grpcLog = new StepLog(model.decoder());
      ThreadTimes cpu;
      try (ChatEngine engine = ChatEngine.over(model.decoder(), limits, grpcLog);
          GrpcRun grpc = new GrpcRun(engine, tokenizer)) {
        grpc.turns(messages, parameters(WARM_UP_TOKENS));
        begin = System.nanoTime();
        ThreadTimes before = ThreadTimes.now();
        grpc.turns(messages, parameters(newTokens));
        cpu = ThreadTimes.now().minus(before);
      }
      double toMillis = 1e-6 / grpcLog.count(begin);
      return new Sample(
          alone,
          grpcLog.pace(streams, begin),
          cpu.server() * toMillis,
          cpu.client() * toMillis,
          cpu.compilers() * toMillis,
          cpu.process() * toMillis);
    }

    private SamplingParameters sampling(int newTokens) {
      return new SamplingParameters(
          newTokens,
          newTokens,
          sampled,
          1,
          0,
          sampled ? TOP_P : 1,
          0,
          1,
          1,
          0,
          0,
          0,
          Map.of(),
          List.of(),
          SEED);
    }

    private GenerationParameters parameters(int newTokens) {
      GenerationParameters.Builder parameters =
          GenerationParameters.newBuilder()
              .setMaxNewTokens(newTokens)
              .setMinNewTokens(newTokens)
              .setDoSample(sampled)
              .setSeed(SEED);
      if (sampled) {
        parameters.setTopP(TOP_P);
      }
      return parameters.build();
    }
  }
}
