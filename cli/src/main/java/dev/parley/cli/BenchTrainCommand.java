package dev.parley.cli;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.loop.TrainBench;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley bench train}. */
@Command(
    name = "train",
    description = "Optimiser steps; every token is learned.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchTrainCommand implements Callable<Integer> {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private BenchCommand bench;

  @Option(names = "--shape", defaultValue = "tiny", description = BenchOptions.SHAPE)
  private String shape = "";

  @Option(
      names = "--precision",
      split = ",",
      defaultValue = "fp32",
      description = "fp32 or bf16, several with commas (${DEFAULT-VALUE})")
  private List<String> precisions = new ArrayList<>();

  @Option(
      names = "--batch-size",
      defaultValue = "8",
      description = "sequences in a step (${DEFAULT-VALUE})")
  private int batchSize;

  @Option(
      names = "--context",
      defaultValue = "128",
      description = "tokens in a sequence (${DEFAULT-VALUE})")
  private int context;

  @Option(names = "--steps", defaultValue = "5", description = "timed ones (${DEFAULT-VALUE})")
  private int steps;

  @Option(names = "--device", defaultValue = "auto", description = BenchOptions.DEVICE)
  private String device = "";

  @Option(names = "--json", description = "one JSON object a point")
  private boolean json;

  private record Row(String precision, TrainBench.Result result) {}

  @Override
  public Integer call() {
    Device on = UsageException.unlessValid(() -> Torch.device(device));
    Gpt2Config config = UsageException.unlessValid(() -> Gpt2Config.shape(shape));
    if (batchSize < 1 || steps < 1 || context < 2 || context > config.contextLength()) {
      throw new UsageException(
          "batch size %d, context %d, %d steps: there must be at least 1, from 2 to %d, and 1"
              .formatted(batchSize, context, steps, config.contextLength()));
    }
    List<DataType> arithmetics = precisions.stream().map(BenchTrainCommand::arithmetic).toList();
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < precisions.size(); i++) {
      rows.add(
          new Row(
              precisions.get(i),
              TrainBench.run(config, arithmetics.get(i), on, batchSize, context, steps)));
    }
    new BenchTable<Row>()
        .hidden("bench", row -> "train")
        .hidden("shape", row -> shape)
        .column("precision", "precision", Row::precision)
        .hidden("device", row -> Torch.name(on))
        .column("batch", "streams", row -> batchSize)
        .column("context", "context", row -> context)
        .number("tokens/s", "tokens_per_second", 1, row -> row.result().tokensPerSecond())
        .number("ms/step", "milliseconds_per_step", 2, row -> row.result().milliseconds())
        .hidden("threads", row -> Torch.threads())
        .print(bench.output(json), false, rows);
    return 0;
  }

  private static DataType arithmetic(String precision) {
    return switch (precision) {
      case "fp32" -> DataType.FLOAT32;
      case "bf16" -> DataType.BFLOAT16;
      default ->
          throw new UsageException(
              "precision '%s' cannot be trained in: use fp32 or bf16".formatted(precision));
    };
  }
}
