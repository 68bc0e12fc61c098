package dev.parley.cli;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;
import dev.parley.server.bench.Machine;
import dev.parley.server.bench.Measured;
import dev.parley.server.bench.Rounds;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What every benchmark of the engine is told. */
final class BenchOptions {
  static final String SHAPE =
      "size of the model: tiny, small (117M), medium (345M) or large (762M); default ${DEFAULT-VALUE}";
  static final String DEVICE = "auto, cpu or cuda:N (${DEFAULT-VALUE})";

  @Option(names = "--shape", defaultValue = "small", description = SHAPE)
  private String shape = "";

  @Option(
      names = "--precision",
      split = ",",
      defaultValue = "reference,fp32,bf16,fp16,int8",
      description = "several with commas (${DEFAULT-VALUE})")
  private List<String> precisions = new ArrayList<>();

  @Option(names = "--device", defaultValue = "auto", description = DEVICE)
  private String device = "";

  @Option(
      names = "--rounds",
      defaultValue = "3",
      description = "everything is measured so often, in turn; medians count (${DEFAULT-VALUE})")
  private int rounds;

  @Option(
      names = "--threads",
      description = "of libtorch (as many as cores, or OMP_NUM_THREADS, if left out)")
  private @Nullable Integer threads;

  @Option(
      names = "--probe-mib",
      paramLabel = "MIB",
      defaultValue = "" + Rounds.PROBE_MEBIBYTES,
      description =
          "memory that is read to measure the machine; more than its caches (${DEFAULT-VALUE})")
  private int probe;

  @Option(names = "--markdown", description = "a table for a document")
  private boolean markdown;

  @Option(names = "--json", description = "one JSON object a line of the table, times in ms")
  private boolean json;

  String shape() {
    return shape;
  }

  boolean json() {
    return json;
  }

  boolean markdown() {
    return markdown;
  }

  Device device() {
    return UsageException.unlessValid(() -> Torch.device(device));
  }

  /** The rounds that were asked for. */
  Rounds rounds(Output out) {
    setThreads(threads);
    return UsageException.unlessValid(
        () ->
            new Rounds(
                Gpt2Config.shape(shape),
                precisions.stream().map(Precision::of).distinct().toList(),
                Torch.device(device),
                rounds,
                probe,
                out::note));
  }

  /** Threads of libtorch, where they are asked for. */
  static void setThreads(@Nullable Integer threads) {
    if (threads == null) {
      return;
    }
    if (threads < 1) {
      throw new UsageException("--threads is %d; there must be at least 1".formatted(threads));
    }
    Torch.setThreads(threads);
  }

  /** What a benchmark gives; settings that cannot be are wrong usage. */
  static <T> T unlessImpossible(Callable<T> benchmark) throws Exception {
    try {
      return benchmark.call();
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  /** Says what was measured on, above a table. */
  void heading(Output out, Measured<?> measured) {
    Gpt2Config config = Gpt2Config.shape(shape);
    out.text(
        "libtorch %s on %s, %d threads; shape %s, %,d parameters; medians of %d rounds (lowest–highest)"
            .formatted(
                Torch.version(),
                Torch.name(device()),
                Torch.threads(),
                shape,
                config.parameterCount(),
                rounds));
    if (!measured.machines().isEmpty()) {
      out.text(machine(measured.machines()));
    }
    out.text("");
  }

  /** The best of all rounds. */
  static String machine(List<Machine> machines) {
    return "this machine reads %s GB/s and computes, in billions of operations a second: fp32 %s, fp16 weights %s, bf16 %s, int8 %s"
        .formatted(
            best(machines, 1, Machine::bytesPerSecond),
            best(machines, 0, machine -> machine.operations("fp32")),
            best(machines, 0, machine -> machine.operations("fp16")),
            best(machines, 0, machine -> machine.operations("bf16")),
            best(machines, 0, machine -> machine.operations("int8")));
  }

  private static String best(List<Machine> machines, int digits, ToDoubleFunction<Machine> number) {
    double best = machines.stream().mapToDouble(number).max().orElse(0);
    return best > 0 ? BenchTable.digits(digits, best / 1e9) : "–";
  }

  /** The columns that every line begins with. */
  <T> BenchTable<T> table(String bench, Function<T, Precision> precision) {
    return new BenchTable<T>()
        .hidden("bench", row -> bench)
        .hidden("shape", row -> shape)
        .column("precision", "precision", row -> precision.apply(row).toString())
        .hidden("device", row -> Torch.name(device()));
  }

  /** The columns that every line of JSON ends with. */
  <T> BenchTable<T> finish(BenchTable<T> table, Measured<?> measured) {
    table.hidden("threads", row -> Torch.threads()).hidden("rounds", row -> rounds);
    if (measured.machines().isEmpty()) {
      return table;
    }
    return table.hidden(
        "machine_bytes_per_second",
        row -> measured.machines().stream().mapToDouble(Machine::bytesPerSecond).max().orElse(0));
  }
}
