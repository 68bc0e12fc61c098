package dev.parley.cli;

import dev.parley.server.bench.Measured;
import dev.parley.server.bench.MultiTurnBench;
import dev.parley.server.bench.MultiTurnBench.Point;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley bench multi-turn}. */
@Command(
    name = "multi-turn",
    description = {
      "Time to the first token in the third turn of a long conversation against the first turn of a"
          + " new one, with messages of the same length.",
      "",
      "A ratio near 1 says that the history is not read again. 'read' is how many tokens the third"
          + " turn still had to read, its message included. 'bound' is as in 'bench decode'.",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchMultiTurnCommand implements Callable<Integer> {
  @Option(
      names = "--history",
      defaultValue = "600",
      description = "tokens said before the third turn (${DEFAULT-VALUE})")
  private int history;

  @Option(
      names = "--message",
      defaultValue = "20",
      description = "tokens of the message (${DEFAULT-VALUE})")
  private int message;

  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  public Integer call() throws Exception {
    Measured<Point> measured =
        options.measure(rounds -> MultiTurnBench.run(rounds, history, message));
    BenchTable<Point> table =
        options
            .<Point>table("multi-turn", Point::precision)
            .column("history", "history", Point::history)
            .column("message", "message", Point::message)
            .spread("1st turn ms", "first_turn_ms", 1, Point::firstTurn)
            .spread("bound ms", "first_bound_ms", 1, Point::firstBound)
            .spread("3rd turn ms", "third_turn_ms", 1, Point::thirdTurn)
            .spread("bound ms", "third_bound_ms", 1, Point::thirdBound)
            .spread("3rd / 1st", "ratio", 2, Point::ratio)
            .column("read", "read_tokens", Point::readTokens);
    options.print(measured, table);
    return 0;
  }
}
