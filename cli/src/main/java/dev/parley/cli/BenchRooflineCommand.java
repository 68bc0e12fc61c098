package dev.parley.cli;

import dev.parley.model.gpt2.Precision;
import dev.parley.server.bench.Machine;
import dev.parley.server.bench.Measured;
import dev.parley.server.bench.Rounds;
import dev.parley.server.bench.StepCost;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley bench roofline}. */
@Command(
    name = "roofline",
    description = {
      "What this machine does, and what a decoding step would cost if nothing else took time.",
      "",
      "Memory is read by a sum and by linear layers of one row, arithmetic is done by linear layers"
          + " of 256 rows, all with the threads of the engine; the fastest counts. A step reads all"
          + " weights once and the keys and values of every conversation, and computes projections,"
          + " attention and logits: each part takes as long as its bytes or its operations do,"
          + " whichever is longer.",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchRooflineCommand implements Callable<Integer> {
  @Option(
      names = "--streams",
      split = ",",
      defaultValue = "1,4,16,32",
      description = "conversations at once (${DEFAULT-VALUE})")
  private List<Integer> streams = new ArrayList<>();

  @Option(
      names = "--context",
      defaultValue = "112",
      description = "tokens of each that are cached (${DEFAULT-VALUE})")
  private int context;

  @Mixin private BenchOptions options = new BenchOptions();

  private record Row(Precision precision, int streams, StepCost cost, double bound) {}

  @Override
  public Integer call() throws Exception {
    if (streams.stream().anyMatch(count -> count < 1) || context < 1) {
      throw new UsageException(
          "%s streams with a context of %d: there must be at least 1 of each"
              .formatted(streams, context));
    }
    Rounds rounds = options.rounds();
    Measured<Machine> measured = options.measure(Rounds::machines);
    Machine machine = measured.points().get(0);
    Output out = options.output();
    machine.readers().entrySet().stream()
        .sorted(Map.Entry.comparingByKey())
        .map(
            reader ->
                "reading by %-9s %6s GB/s"
                    .formatted(reader.getKey(), BenchTable.digits(1, reader.getValue() / 1e9)))
        .forEach(out::text);
    out.text("");
    List<Row> rows = new ArrayList<>();
    for (Precision precision : rounds.precisions()) {
      for (int count : streams) {
        StepCost cost = StepCost.of(rounds.config(), precision, rounds.device(), count, 1, context);
        rows.add(new Row(precision, count, cost, cost.bound(machine)));
      }
    }
    BenchTable<Row> table =
        options
            .<Row>table("roofline", Row::precision)
            .column("streams", "streams", Row::streams)
            .hidden("context", row -> context)
            .number("MB a step", "megabytes", 1, row -> row.cost().bytes() / 1e6)
            .number("billion operations", "gigaoperations", 2, row -> row.cost().operations() / 1e9)
            .number("bound ms", "bound_ms", 2, Row::bound)
            .number(
                "tokens/s at most",
                "bound_tokens_per_second",
                1,
                row -> row.bound() > 0 ? row.streams() * 1e3 / row.bound() : 0);
    options.print(new Measured<>(measured.machines(), rows), table);
    return 0;
  }
}
