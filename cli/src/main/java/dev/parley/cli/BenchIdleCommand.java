package dev.parley.cli;

import dev.parley.server.bench.IdleBench;
import dev.parley.server.bench.IdleBench.Point;
import dev.parley.server.bench.Measured;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley bench idle}. */
@Command(
    name = "idle",
    description = {
      "Replies of active conversations beside many silent ones, against the active ones alone.",
      "",
      "Each silent one has had a turn of "
          + IdleBench.IDLE_TOKENS
          + " tokens. 'heap B' is what one of them takes of the Java heap; 'cached' says how many of"
          + " all their tokens still have keys and values, in room that nobody else needed; 'grown"
          + " MB' is by how much the process is larger than with the active ones alone.",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchIdleCommand implements Callable<Integer> {
  @Option(
      names = "--idle",
      defaultValue = "1000",
      description = "silent conversations (${DEFAULT-VALUE})")
  private int idle;

  @Option(
      names = "--streams",
      defaultValue = "32",
      description = "active conversations (${DEFAULT-VALUE})")
  private int streams;

  @Mixin private BenchReplyOptions replies = new BenchReplyOptions(24);

  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  public Integer call() throws Exception {
    Measured<Point> measured =
        options.measure(
            rounds -> IdleBench.run(rounds, idle, streams, replies.context(), replies.newTokens()));
    BenchTable<Point> table =
        options
            .<Point>table("idle", Point::precision)
            .column("streams", "streams", Point::active)
            .hidden("context", point -> replies.context())
            .hidden("new_tokens", point -> replies.newTokens())
            .column("idle", "idle", Point::idle)
            .spread("alone ms/step", "alone_milliseconds_per_step", 2, Point::alone)
            .spread("beside ms/step", "milliseconds_per_step", 2, Point::beside)
            .spread("beside / alone", "ratio", 3, Point::ratio)
            .number("scheduling ms", "scheduling_ms", 3, Point::scheduling)
            .number("heap B", "heap_bytes_per_idle", 0, Point::heapBytes)
            .column("cached", "cached_tokens", Point::cachedTokens)
            .number("grown MB", "resident_growth_mb", 1, point -> point.residentBytes() / 1e6);
    options.print(measured, table);
    return 0;
  }
}
