package dev.parley.cli;

import dev.parley.server.bench.DecodeBench;
import dev.parley.server.bench.DecodeBench.Point;
import dev.parley.server.bench.Measured;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

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
  @Option(
      names = "--streams",
      split = ",",
      defaultValue = "1,4,16,32",
      description = "conversations at once (${DEFAULT-VALUE})")
  private List<Integer> streams = new ArrayList<>();

  @Mixin private BenchReplyOptions replies = new BenchReplyOptions(24);

  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  public Integer call() throws Exception {
    Measured<Point> measured =
        options.measure(
            rounds -> DecodeBench.run(rounds, streams, replies.context(), replies.newTokens()));
    BenchTable<Point> table =
        options
            .<Point>table("decode", Point::precision)
            .column("streams", "streams", Point::streams)
            .hidden("context", point -> replies.context())
            .hidden("new_tokens", point -> replies.newTokens())
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
    options.print(measured, table);
    return 0;
  }
}
