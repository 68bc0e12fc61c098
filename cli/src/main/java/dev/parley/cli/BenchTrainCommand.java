package dev.parley.cli;

import ai.djl.Device;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import dev.parley.server.bench.Spread;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.LabelPolicy;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.loop.TrainBench;
import dev.parley.trainer.loop.TrainBench.Result;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley bench train}. */
@Command(
    name = "train",
    description = {
      "The training loop against a plain one, which pads every batch to one length and makes the"
          + " logits of every position. Model, optimiser and threads are the same.",
      "",
      "Tokens are those of dialogues, padding never counts. 'outside' is the share of the time that"
          + " is not spent inside libtorch (on a CPU; on a GPU libtorch returns before the work is"
          + " done).",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchTrainCommand implements Callable<Integer> {
  /** GPT-2's own. */
  private static final int LONGEST = 1024;

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
      names = "--data",
      paramLabel = "FILE",
      description = "dialogues; if left out, random tokens in about as many as people say")
  private @Nullable Path data;

  @Option(
      names = "--batch-size",
      defaultValue = "8",
      description = "sequences in a step (${DEFAULT-VALUE})")
  private int batchSize;

  @Option(
      names = "--context",
      defaultValue = "256",
      description =
          "the longest sequence, in tokens, up to 1024; the plain loop pads to it (${DEFAULT-VALUE})")
  private int context;

  @Option(
      names = "--steps",
      defaultValue = "20",
      description = "that are timed, of each loop in each round (${DEFAULT-VALUE})")
  private int steps;

  @Option(
      names = "--rounds",
      defaultValue = "3",
      description = "both loops are measured so often, in turn; medians count (${DEFAULT-VALUE})")
  private int rounds;

  @Option(names = "--device", defaultValue = "auto", description = BenchOptions.DEVICE)
  private String device = "";

  @Option(
      names = "--threads",
      description = "of libtorch (as many as cores, or OMP_NUM_THREADS, if left out)")
  private @Nullable Integer threads;

  @Option(names = "--markdown", description = "a table for a document")
  private boolean markdown;

  @Option(names = "--json", description = "one JSON object a line of the table, times in ms")
  private boolean json;

  private record Sample(Result loop, Result plain) {}

  private record Row(String precision, List<Sample> samples) {
    Result loop() {
      return samples.get(samples.size() - 1).loop();
    }
  }

  @Override
  public Integer call() {
    BenchOptions.setThreads(threads);
    Device on = UsageException.unlessValid(() -> Torch.device(device));
    Gpt2Config config = UsageException.unlessValid(() -> withRoom(Gpt2Config.shape(shape)));
    if (rounds < 1) {
      throw new UsageException("--rounds is %d; there must be at least 1".formatted(rounds));
    }
    List<TrainBench> benches =
        precisions.stream()
            .map(BenchTrainCommand::arithmetic)
            .map(
                arithmetic ->
                    UsageException.unlessValid(
                        () -> new TrainBench(config, arithmetic, on, batchSize, context, steps)))
            .toList();
    Output out = bench.output(json);
    Sequences sequences = data == null ? benches.get(0).synthetic() : read(data);
    List<Row> rows =
        precisions.stream().map(precision -> new Row(precision, new ArrayList<>())).toList();
    for (int round = 1; round <= rounds; round++) {
      out.note("round %d of %d".formatted(round, rounds));
      for (int i = 0; i < rows.size(); i++) {
        TrainBench one = benches.get(i);
        rows.get(i).samples().add(new Sample(one.loop(sequences), one.plain(sequences)));
      }
    }
    out.text(
        "libtorch %s on %s, %d threads; shape %s, %,d parameters; %,d sequences of %,d tokens; medians of %d rounds (lowest–highest)"
            .formatted(
                Torch.version(),
                Torch.name(on),
                Torch.threads(),
                shape,
                config.parameterCount(),
                sequences.list().size(),
                sequences.tokens(),
                rounds));
    out.text("");
    new BenchTable<Row>()
        .hidden("bench", row -> "train")
        .hidden("shape", row -> shape)
        .column("precision", "precision", Row::precision)
        .hidden("device", row -> Torch.name(on))
        .column("batch", "streams", row -> batchSize)
        .column("length", "context", row -> context)
        .spread(
            "tokens/s",
            "tokens_per_second",
            1,
            row -> of(row, sample -> sample.loop().tokensPerSecond()))
        .spread(
            "ms/step",
            "milliseconds_per_step",
            1,
            row -> of(row, sample -> sample.loop().milliseconds()))
        .share("padding", "padding_share", row -> row.loop().paddingShare())
        .share(
            "outside",
            "outside_share",
            row -> of(row, sample -> sample.loop().outsideShare()).median())
        .spread(
            "plain tokens/s",
            "plain_tokens_per_second",
            1,
            row -> of(row, sample -> sample.plain().tokensPerSecond()))
        .share(
            "plain padding",
            "plain_padding_share",
            row -> row.samples().get(0).plain().paddingShare())
        .spread(
            "× plain",
            "ratio",
            2,
            row -> of(row, s -> s.loop().tokensPerSecond() / s.plain().tokensPerSecond()))
        .hidden("threads", row -> Torch.threads())
        .hidden("rounds", row -> rounds)
        .print(out, markdown, rows);
    return 0;
  }

  private static Spread of(Row row, ToDoubleFunction<Sample> number) {
    return Spread.of(row.samples(), number);
  }

  private Sequences read(Path file) {
    try (Tokenizer tokenizer = Gpt2Vocabulary.tokenizer()) {
      DialogueEncoder encoder = new DialogueEncoder(tokenizer);
      return Sequences.encode(
          DialogueReader.read(file), encoder::turn, LabelPolicy.REPLIES, context);
    }
  }

  /** The weights are random, so a shape may have more positions than it is known for. */
  private Gpt2Config withRoom(Gpt2Config known) {
    return new Gpt2Config(
        known.vocabularySize(),
        Math.max(known.contextLength(), Math.min(context, LONGEST)),
        known.embeddingSize(),
        known.layerCount(),
        known.headCount(),
        known.layerNormEpsilon(),
        known.initializerRange(),
        known.dropout(),
        known.endOfText());
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
