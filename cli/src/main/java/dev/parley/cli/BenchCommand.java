package dev.parley.cli;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;
import dev.parley.server.engine.EngineBench;
import dev.parley.trainer.loop.TrainBench;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
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

  @Command(
      name = "decode",
      description = "Replies of many conversations at once.",
      mixinStandardHelpOptions = true,
      sortOptions = false)
  void decode(
      @Option(names = "--shape", defaultValue = "small", description = SHAPE) String shape,
      @Option(names = "--precision", split = ",", defaultValue = "reference,fp32,fp16,int8")
          List<String> precisions,
      @Option(names = "--streams", split = ",", defaultValue = "1,4,16,32") List<Integer> streams,
      @Option(names = "--context", defaultValue = "100") int context,
      @Option(names = "--new-tokens", defaultValue = "24") int newTokens,
      @Option(names = "--device", defaultValue = "auto") String device,
      @Option(names = "--json") boolean json)
      throws InterruptedException {
    Output out = heading(json);
    for (String precision : precisions) {
      try (EngineBench bench = bench(shape, precision, device)) {
        for (int count : streams) {
          point(out, bench.decode(count, context, newTokens));
        }
      }
    }
  }

  @Command(
      name = "prefill",
      description = "Prompts of conversations.",
      mixinStandardHelpOptions = true,
      sortOptions = false)
  void prefill(
      @Option(names = "--shape", defaultValue = "small", description = SHAPE) String shape,
      @Option(names = "--precision", split = ",", defaultValue = "reference,fp32,fp16,int8")
          List<String> precisions,
      @Option(names = "--streams", split = ",", defaultValue = "1") List<Integer> streams,
      @Option(names = "--context", defaultValue = "512") int context,
      @Option(names = "--device", defaultValue = "auto") String device,
      @Option(names = "--json") boolean json)
      throws InterruptedException {
    Output out = heading(json);
    for (String precision : precisions) {
      try (EngineBench bench = bench(shape, precision, device)) {
        for (int count : streams) {
          point(out, bench.prefill(count, context));
        }
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
      @Option(names = "--precision", split = ",", defaultValue = "fp32") List<String> precisions,
      @Option(names = "--batch-size", defaultValue = "8") int batchSize,
      @Option(names = "--context", defaultValue = "128") int context,
      @Option(names = "--steps", defaultValue = "5") int steps,
      @Option(names = "--device", defaultValue = "auto") String device,
      @Option(names = "--json") boolean json) {
    Device on = UsageException.unlessValid(() -> Torch.device(device));
    Gpt2Config config = UsageException.unlessValid(() -> Gpt2Config.shape(shape));
    Output out = heading(json);
    for (String precision : precisions) {
      DataType arithmetic =
          switch (precision) {
            case "fp32" -> DataType.FLOAT32;
            case "bf16" -> DataType.BFLOAT16;
            default ->
                throw new UsageException(
                    "precision '%s' cannot be trained in: use fp32 or bf16".formatted(precision));
          };
      TrainBench.Result result = TrainBench.run(config, arithmetic, on, batchSize, context, steps);
      point(
          out,
          new EngineBench.Point(
              "train",
              shape,
              precision,
              Torch.name(on),
              batchSize,
              context,
              0,
              result.tokensPerSecond(),
              result.milliseconds()));
    }
  }

  private static EngineBench bench(String shape, String precision, String device) {
    return UsageException.unlessValid(
        () -> EngineBench.of(shape, Precision.of(precision), Torch.device(device)));
  }

  private Output heading(boolean json) {
    Output out = parley.output(json);
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
    return out;
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
