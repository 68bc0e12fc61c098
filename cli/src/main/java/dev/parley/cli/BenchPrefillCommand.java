package dev.parley.cli;

import dev.parley.server.bench.Measured;
import dev.parley.server.bench.PrefillBench;
import dev.parley.server.bench.PrefillBench.Point;
import dev.parley.server.bench.PrefillBench.Prompts;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley bench prefill}. */
@Command(
    name = "prefill",
    description = {
      "Prompts, up to the first token of the reply.",
      "",
      "'× ref' compares with the precision 'reference' (plain fp32) on the same prompts, measured in"
          + " each round beside the others. 'bound' and 'reached' are as in 'bench decode'.",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchPrefillCommand implements Callable<Integer> {
  @Option(
      names = "--context",
      split = ",",
      defaultValue = "32,128,512",
      description = "tokens of a prompt (${DEFAULT-VALUE})")
  private List<Integer> contexts = new ArrayList<>();

  @Option(
      names = "--streams",
      split = ",",
      defaultValue = "1",
      description = "prompts at once (${DEFAULT-VALUE})")
  private List<Integer> streams = new ArrayList<>();

  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  public Integer call() throws Exception {
    List<Prompts> prompts =
        streams.stream()
            .flatMap(count -> contexts.stream().map(tokens -> new Prompts(count, tokens)))
            .distinct()
            .toList();
    Measured<Point> measured = options.measure(rounds -> PrefillBench.run(rounds, prompts));
    BenchTable<Point> table =
        options
            .<Point>table("prefill", Point::precision)
            .column("streams", "streams", point -> point.prompts().streams())
            .column("context", "context", point -> point.prompts().context())
            .spread("tokens/s", "tokens_per_second", 1, Point::tokensPerSecond)
            .spread("× ref", "ratio", 2, Point::ratio)
            .spread("ms", "milliseconds", 1, Point::milliseconds)
            .spread("bound ms", "bound_ms", 1, Point::bound)
            .share("reached", "bound_share", point -> point.share().median())
            .hidden("prompt_bytes", point -> point.cost().bytes())
            .hidden("prompt_operations", point -> point.cost().operations());
    options.print(measured, table);
    return 0;
  }
}
