package dev.parley.cli;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;
import dev.parley.server.engine.EngineBench;
import dev.parley.trainer.loop.TrainBench;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley bench}: how fast this machine is, without a network and without a checkpoint. */
@Command(
    name = "bench",
    description = "Measures the engine on random weights of a published shape.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "decode|prefill|train")
final class BenchCommand {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  private static final String SHAPE = "tiny, small, medium or large (${DEFAULT-VALUE})";
  private static final String DEVICE = "auto, cpu or cuda:N (${DEFAULT-VALUE})";

  /** What every measurement of the engine is told. */
  private static final class EngineOptions {
    @Option(names = "--shape", defaultValue = "small", description = SHAPE)
    private String shape = "";

    @Option(
        names = "--precision",
        split = ",",
        defaultValue = "reference,fp32,fp16,int8",
        description = "several with commas (${DEFAULT-VALUE})")
    private List<String> precisions = new ArrayList<>();

    @Option(names = "--device", defaultValue = "auto", description = DEVICE)
    private String device = "";

    @Option(names = "--json", description = "one JSON object a point")
    private boolean json;
  }

  /** One point of an engine. */
  private interface Measurement {
    EngineBench.Point of(EngineBench bench, int streams) throws InterruptedException;
  }

  @Command(
      name = "decode",
      description = "Replies of many conversations at once.",
      mixinStandardHelpOptions = true,
      sortOptions = false)
  void decode(
      @Mixin EngineOptions options,
      @Option(
              names = "--streams",
              split = ",",
              defaultValue = "1,4,16,32",
              description = "conversations at once (${DEFAULT-VALUE})")
          List<Integer> streams,
      @Option(
              names = "--context",
              defaultValue = "100",
              description = "tokens of each prompt (${DEFAULT-VALUE})")
          int context,
      @Option(
              names = "--new-tokens",
              defaultValue = "24",
              description = "tokens of each reply (${DEFAULT-VALUE})")
          int newTokens)
      throws InterruptedException {
    measure(options, streams, (bench, count) -> bench.decode(count, context, newTokens));
  }

  @Command(
      name = "prefill",
      description = "Prompts of conversations.",
      mixinStandardHelpOptions = true,
      sortOptions = false)
  void prefill(
      @Mixin EngineOptions options,
      @Option(
              names = "--streams",
              split = ",",
              defaultValue = "1",
              description = "conversations at once (${DEFAULT-VALUE})")
          List<Integer> streams,
      @Option(
              names = "--context",
              defaultValue = "512",
              description = "tokens of each prompt (${DEFAULT-VALUE})")
          int context)
      throws InterruptedException {
    measure(options, streams, (bench, count) -> bench.prefill(count, context));
  }

  private void measure(EngineOptions options, List<Integer> streams, Measurement measurement)
      throws InterruptedException {
    Gpt2Config unused = UsageException.unlessValid(() -> Gpt2Config.shape(options.shape));
    Device device = UsageException.unlessValid(() -> Torch.device(options.device));
    List<Precision> precisions =
        UsageException.unlessValid(() -> options.precisions.stream().map(Precision::of).toList());
    Output out = parley.output(options.json);
    heading(out);
    for (Precision precision : precisions) {
      try (EngineBench bench = EngineBench.of(options.shape, precision, device)) {
        for (int count : streams) {
          point(out, measurement.of(bench, count));
        }
      } catch (IllegalArgumentException e) {
        throw new UsageException(String.valueOf(e.getMessage()));
      }
    }
  }

  @Command(
      name = "train",
      description = "Optimiser steps; every token is learned.",
      mixinStandardHelpOptions = true,
      sortOptions = false)
  void train(
      @Option(names = "--shape", defaultValue = "tiny", description = SHAPE) String shape,
      @Option(
              names = "--precision",
              split = ",",
              defaultValue = "fp32",
              description = "fp32 or bf16, several with commas (${DEFAULT-VALUE})")
          List<String> precisions,
      @Option(
              names = "--batch-size",
              defaultValue = "8",
              description = "sequences in a step (${DEFAULT-VALUE})")
          int batchSize,
      @Option(
              names = "--context",
              defaultValue = "128",
              description = "tokens in a sequence (${DEFAULT-VALUE})")
          int context,
      @Option(names = "--steps", defaultValue = "5", description = "timed ones (${DEFAULT-VALUE})")
          int steps,
      @Option(names = "--device", defaultValue = "auto", description = DEVICE) String device,
      @Option(names = "--json", description = "one JSON object a point") boolean json) {
    Device on = UsageException.unlessValid(() -> Torch.device(device));
    Gpt2Config config = UsageException.unlessValid(() -> Gpt2Config.shape(shape));
    if (batchSize < 1 || steps < 1 || context < 2 || context > config.contextLength()) {
      throw new UsageException(
          "batch size %d, context %d, %d steps: there must be at least 1, from 2 to %d, and 1"
              .formatted(batchSize, context, steps, config.contextLength()));
    }
    List<DataType> arithmetics = precisions.stream().map(BenchCommand::arithmetic).toList();
    Output out = parley.output(json);
    heading(out);
    for (int i = 0; i < precisions.size(); i++) {
      TrainBench.Result result =
          TrainBench.run(config, arithmetics.get(i), on, batchSize, context, steps);
      point(
          out,
          new EngineBench.Point(
              "train",
              shape,
              precisions.get(i),
              Torch.name(on),
              batchSize,
              context,
              0,
              result.tokensPerSecond(),
              result.milliseconds()));
    }
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

  private static void heading(Output out) {
    out.note("libtorch %s on %d threads".formatted(Torch.version(), Torch.threads()));
    out.text(
        "%-8s %-7s %-10s %-7s %7s %8s %10s %12s %12s"
            .formatted(
                "bench",
                "shape",
                "precision",
                "device",
                "streams",
                "context",
                "new tokens",
                "tokens/s",
                "ms/step"));
  }

  private static void point(Output out, EngineBench.Point point) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("bench", point.bench());
    map.put("shape", point.shape());
    map.put("precision", point.precision());
    map.put("device", point.device());
    map.put("streams", point.streams());
    map.put("context", point.context());
    map.put("new_tokens", point.newTokens());
    map.put("tokens_per_second", point.tokensPerSecond());
    map.put("milliseconds_per_step", point.millisecondsPerStep());
    map.put("threads", Torch.threads());
    out.object(map);
    out.text(
        "%-8s %-7s %-10s %-7s %7d %8d %10d %12.1f %12.2f"
            .formatted(
                point.bench(),
                point.shape(),
                point.precision(),
                point.device(),
                point.streams(),
                point.context(),
                point.newTokens(),
                point.tokensPerSecond(),
                point.millisecondsPerStep()));
  }
}
