package dev.parley.cli;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import dev.parley.server.bench.BenchWeights;
import dev.parley.server.bench.Machine;
import dev.parley.server.bench.Measured;
import dev.parley.server.bench.Rounds;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** What every benchmark of the engine is told, and how what it finds is shown. */
final class BenchOptions {
  static final String SHAPE =
      "size of the model: tiny, small (117M), medium (345M) or large (762M); default ${DEFAULT-VALUE}";
  static final String DEVICE = "auto, cpu or cuda:N (${DEFAULT-VALUE})";

  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private BenchCommand bench;

  @Option(names = "--shape", defaultValue = "small", description = SHAPE)
  private String shape = "";

  @Option(
      names = "--model",
      paramLabel = "REF",
      description =
          "name[@version|@alias] in --home, or a directory in Hugging Face layout, in place of"
              + " random weights of --shape")
  private @Nullable String model;

  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--precision",
      split = ",",
      description =
          "several with commas, of reference, fp32, bf16, fp16, int12, int8 and int4 (all that the device has)")
  private List<String> precisions = new ArrayList<>();

  @Option(names = "--device", defaultValue = "auto", description = DEVICE)
  private String device = "";

  private @Nullable Device found;

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

  /** A benchmark of the engine. */
  interface Benchmark<P> {
    Measured<P> run(Rounds rounds) throws InterruptedException;
  }

  /**
   * What a benchmark finds, with a heading above it that says what was measured on.
   *
   * @throws UsageException if the benchmark says that its settings cannot be
   */
  <P> Measured<P> measure(Benchmark<P> benchmark) throws InterruptedException {
    Rounds rounds = rounds();
    Measured<P> measured;
    try {
      measured = benchmark.run(rounds);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
    heading(rounds, measured.machines());
    return measured;
  }

  /** Prints what was measured, a line for each point. */
  <P> void print(Measured<P> measured, BenchTable<P> table) {
    table.hidden("threads", row -> Torch.threads()).hidden("rounds", row -> rounds);
    if (!measured.machines().isEmpty()) {
      double best =
          measured.machines().stream().mapToDouble(Machine::bytesPerSecond).max().orElse(0);
      table.hidden("machine_bytes_per_second", row -> best);
    }
    table.print(output(), markdown, measured.points());
  }

  /** Prints another table below, unless results are JSON: what it says is in theirs. */
  <T> void printText(List<T> rows, BenchTable<T> table) {
    if (!json) {
      output().text("");
      table.print(output(), markdown, rows);
    }
  }

  /** Where results go. */
  Output output() {
    return bench.output(json);
  }

  /** The rounds that were asked for. */
  Rounds rounds() {
    setThreads(threads);
    Device on = device();
    return UsageException.unlessValid(
        () -> new Rounds(weights(), precisions(on), on, rounds, probe, output()::note));
  }

  private List<Precision> precisions(Device on) {
    return precisions.isEmpty()
        ? Precision.on(on)
        : precisions.stream().map(name -> Precision.of(name, on)).distinct().toList();
  }

  private Device device() {
    if (found == null) {
      found = UsageException.unlessValid(() -> Torch.device(device));
    }
    return found;
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

  private BenchWeights weights() {
    return model == null
        ? BenchWeights.random(Gpt2Config.shape(shape))
        : BenchWeights.of(home.registry().locate(model));
  }

  /** The tokenizer of the model; GPT-2's for random weights. The caller closes it. */
  Tokenizer tokenizer() {
    return model == null
        ? Gpt2Vocabulary.tokenizer()
        : Tokenizer.load(home.registry().locate(model));
  }

  private void heading(Rounds measured, List<Machine> machines) {
    Output out = output();
    out.text(
        "libtorch %s on %s, %d threads; %s %s, %,d parameters; medians of %d rounds (lowest–highest)"
            .formatted(
                Torch.version(),
                Torch.name(device()),
                Torch.threads(),
                model == null ? "shape" : "model",
                model == null ? shape : model,
                measured.config().parameterCount(),
                rounds));
    if (!machines.isEmpty()) {
      out.text(machine(machines));
    }
    out.text("");
  }

  /** The best of all rounds. */
  private static String machine(List<Machine> machines) {
    return "this machine reads %s GB/s and computes, in billions of operations a second: fp32 %s, fp16 weights %s, bf16 %s, int16 %s, int8 %s"
        .formatted(
            best(machines, 1, Machine::bytesPerSecond),
            best(machines, 0, machine -> machine.operations("fp32")),
            best(machines, 0, machine -> machine.operations("fp16")),
            best(machines, 0, machine -> machine.operations("bf16")),
            best(machines, 0, machine -> machine.operations("int16")),
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
        .hidden("shape", row -> model == null ? shape : model)
        .column("precision", "precision", row -> precision.apply(row).toString())
        .hidden("device", row -> Torch.name(device()));
  }
}
