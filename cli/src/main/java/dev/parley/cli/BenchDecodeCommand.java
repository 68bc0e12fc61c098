package dev.parley.cli;

import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.server.bench.DecodeBench;
import dev.parley.server.bench.DecodeBench.Point;
import dev.parley.server.bench.DecodeBench.Work;
import dev.parley.server.bench.Measured;
import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.Turn;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley bench decode}. */
@Command(
    name = "decode",
    description = {
      "Replies of many conversations at once.",
      "",
      "R is what the precision 'reference' (plain fp32) does with one stream; it is always measured,"
          + " in each round beside the others. 'bound' is the shortest time in which this machine"
          + " could read the weights, keys and values of a step and do its arithmetic, as measured"
          + " in the same round; 'reached' is its share of the step. Above 100 %% a cache holds the"
          + " weights. 'JVM' is what is not libtorch.",
      ""
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class BenchDecodeCommand implements Callable<Integer> {
  @Option(
      names = "--streams",
      split = ",",
      defaultValue = "1,4,16,32",
      description = "conversations at once (${DEFAULT-VALUE})")
  private List<Integer> streams = new ArrayList<>();

  @Option(
      names = "--speculation",
      description =
          "each point also with guesses from the conversation's own text: 'tokens/step' are those"
              + " of each stream, '× off' compares with the same point without guesses")
  private boolean speculation;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "dialogues: as many whole turns of each as --context allows are a prompt, and the model"
              + " ends its replies itself; random prompts if left out")
  private @Nullable Path data;

  @Option(
      names = "--prompts",
      paramLabel = "N",
      defaultValue = "64",
      description = "the first N dialogues of --data are used (${DEFAULT-VALUE})")
  private int prompts;

  @Mixin private BenchReplyOptions replies = new BenchReplyOptions(24);

  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  public Integer call() throws Exception {
    Work work = new Work(prompts(), replies.context(), replies.newTokens(), speculation);
    Measured<Point> measured = options.measure(rounds -> DecodeBench.run(rounds, streams, work));
    BenchTable<Point> table =
        options
            .<Point>table("decode", Point::precision)
            .column("streams", "streams", Point::streams)
            .hidden("context", point -> replies.context())
            .hidden("new_tokens", point -> replies.newTokens())
            .spread("tokens/s", "tokens_per_second", 1, Point::tokensPerSecond)
            .spread("× R", "ratio", 2, Point::ratio)
            .spread("ms/step", "milliseconds_per_step", 2, Point::millisecondsPerStep)
            .spread("bound ms", "bound_ms", 2, Point::bound)
            .share("reached", "bound_share", point -> point.share().median())
            .number("JVM ms", "jvm_ms", 2, point -> point.pace().jvm())
            .hidden("libtorch_ms", point -> point.pace().libtorch())
            .hidden("exchange_ms", point -> point.pace().exchange())
            .hidden("scheduling_ms", point -> point.pace().scheduling())
            .hidden("sampling_ms", point -> point.pace().sampling())
            .hidden("delivery_ms", point -> point.pace().delivery())
            .hidden("between_ms", point -> point.pace().between())
            .hidden("step_bytes", point -> point.cost().bytes())
            .hidden("step_operations", point -> point.cost().operations());
    if (speculation) {
      table
          .column("guesses", "speculation", point -> point.guessing() ? "on" : "off")
          .spread("tokens/step", "tokens_per_step", 2, Point::tokensPerStep)
          .spread("× off", "speculation_ratio", 2, Point::gain);
    }
    options.print(measured, table);
    return 0;
  }

  private List<int[]> prompts() {
    if (data == null) {
      return List.of();
    }
    if (replies.context() < 2) {
      throw new UsageException(
          "--context is %d; there must be at least 2".formatted(replies.context()));
    }
    if (prompts < 1) {
      throw new UsageException("--prompts is %d; there must be at least 1".formatted(prompts));
    }
    try (Tokenizer tokenizer = options.tokenizer()) {
      DialogueEncoder encoder = new DialogueEncoder(tokenizer);
      return DialogueReader.read(data).stream()
          .limit(prompts)
          .map(dialogue -> prompt(encoder, dialogue))
          .toList();
    }
  }

  /**
   * The first turns; a single one that is too long is cut. The last end of turn is the engine's.
   */
  private int[] prompt(DialogueEncoder encoder, Dialogue dialogue) {
    int[] tokens = new int[0];
    for (Turn turn : dialogue.turns()) {
      int[] more = encoder.turn(turn.text());
      if (tokens.length > 0 && tokens.length + more.length > replies.context()) {
        break;
      }
      tokens = IntStream.concat(Arrays.stream(tokens), Arrays.stream(more)).toArray();
    }
    return Arrays.copyOf(tokens, Math.min(tokens.length, replies.context()) - 1);
  }
}
