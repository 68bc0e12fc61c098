package dev.parley.cli;

import dev.parley.server.bench.DecodeBench;
import dev.parley.server.bench.DecodeBench.Point;
import dev.parley.server.bench.Measured;
import dev.parley.server.bench.Rounds;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley bench decode}. */
@Command(
    name = "decode",
    description = {
      "Replies of many conversations at once.",
      "",
      "R is what the precision 'reference' (plain fp32) does with one stream; it is always measured,"
          + " in each round beside the others. 'bound' is the shortest time in which this machine"
          + " could read the weights, keys and values of a step and do its arithmetic, as measured"
          + " in the same round; 'reached' is its share of the step. Above 100 %% a cache holds the"
          + " weights. 'JVM' is what is not libtorch.",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchDecodeCommand implements Callable<Integer> {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private BenchCommand bench;

  @Option(
      names = "--streams",
      split = ",",
      defaultValue = "1,4,16,32",
      description = "conversations at once (${DEFAULT-VALUE})")
  private List<Integer> streams = new ArrayList<>();

  @Option(
      names = "--context",
      defaultValue = "100",
      description = "tokens of each prompt (${DEFAULT-VALUE})")
  private int context;

  @Option(
      names = "--new-tokens",
      defaultValue = "24",
      description = "tokens of each reply (${DEFAULT-VALUE})")
  private int newTokens;

  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  public Integer call() throws Exception {
    Output out = bench.output(options.json());
    Rounds rounds = options.rounds(out);
    Measured<Point> measured =
        BenchOptions.unlessImpossible(() -> DecodeBench.run(rounds, streams, context, newTokens));
    options.heading(out, measured);
    BenchTable<Point> table =
        options
            .<Point>table("decode", Point::precision)
            .column("streams", "streams", Point::streams)
            .hidden("context", point -> context)
            .hidden("new_tokens", point -> newTokens)
            .spread("tokens/s", "tokens_per_second", 1, Point::tokensPerSecond)
            .spread("× R", "ratio", 2, Point::ratio)
            .spread("ms/step", "milliseconds_per_step", 2, Point::millisecondsPerStep)
            .spread("bound ms", "bound_ms", 2, Point::bound)
            .share("reached", "bound_share", point -> point.share().median())
            .number("JVM ms", "jvm_ms", 2, point -> point.pace().jvm())
            .hidden("libtorch_ms", point -> point.pace().libtorch())
            .hidden("exchange_ms", point -> point.pace().exchange())
            .hidden("scheduling_ms", point -> point.pace().scheduling())
            .hidden("sampling_ms", point -> point.pace().sampling())
            .hidden("delivery_ms", point -> point.pace().delivery())
            .hidden("between_ms", point -> point.pace().between())
            .hidden("step_bytes", point -> point.cost().bytes())
            .hidden("step_operations", point -> point.cost().operations());
    options.finish(table, measured).print(out, options.markdown(), measured.points());
    return 0;
  }
}
