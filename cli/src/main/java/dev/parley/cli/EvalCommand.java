package dev.parley.cli;

import ai.djl.ndarray.NDManager;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.eval.Codec;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.trainer.eval.GenerationMetrics;
import dev.parley.v1.LabelPolicy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley eval}: how well a model predicts dialogues. */
@Command(
    name = "eval",
    description = "Loss and perplexity of a model on dialogues; --generate adds reply metrics.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class EvalCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "REF",
      description = "name[@version|@alias] or a directory in Hugging Face layout")
  private String model = "";

  @Option(names = "--data", required = true, arity = "1..*", paramLabel = "FILE")
  private List<Path> data = new ArrayList<>();

  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--train-on",
      paramLabel = "all|replies|assistant|last",
      defaultValue = "replies",
      description = "which turns count (${DEFAULT-VALUE})")
  private String policy = "";

  @Option(names = "--max-length", description = "longest sequence; the model's context, or 512")
  private @Nullable Integer maxLength;

  @Option(names = "--batch-size", defaultValue = "16", description = "(${DEFAULT-VALUE})")
  private int batchSize;

  @Option(names = "--generate", description = "also replies greedily: Dist, Entropy, BLEU, length")
  private boolean generate;

  @Option(names = "--device", paramLabel = "auto|cpu|cuda:N", defaultValue = "auto")
  private String device = "";

  @Option(names = "--json", description = "one JSON object on standard output")
  private boolean json;

  @Override
  public Integer call() {
    Output out = Output.standard(json);
    LabelPolicy counted = TrainOptions.constant(LabelPolicy.class, policy);
    List<Dialogue> dialogues = new ArrayList<>();
    data.forEach(file -> dialogues.addAll(DialogueReader.read(file)));
    Path directory = home.registry().locate(model);
    Gpt2Config config = Gpt2Checkpoint.config(directory);
    int longest = maxLength != null ? maxLength : Math.min(512, config.contextLength());
    Map<String, Object> result = new LinkedHashMap<>();
    try (Tokenizer tokenizer = Tokenizer.load(directory);
        NDManager scope = Torch.newScope(Torch.device(device));
        Gpt2Weights weights = Gpt2Checkpoint.weights(directory, scope);
        TrainableGpt2 trainable = new TrainableGpt2(weights)) {
      DialogueEncoder encoder = new DialogueEncoder(tokenizer);
      Sequences sequences =
          Sequences.encode(
              dialogues,
              encoder::turn,
              dev.parley.trainer.data.LabelPolicy.valueOf(policy.toUpperCase(Locale.ROOT)),
              longest);
      Evaluation evaluation = Evaluation.of(trainable, sequences.list(), batchSize);
      result.put("model", model);
      result.put("loss", evaluation.loss());
      result.put("perplexity", evaluation.perplexity());
      result.put("accuracy", evaluation.accuracy());
      result.put("target_tokens", evaluation.targetTokens());
      result.put("label_policy", policy.toLowerCase(Locale.ROOT));
      result.put("dialogues", dialogues.size());
      result.put("max_length", longest);
      out.text(
          "loss %.4f nats, perplexity %s, accuracy %.1f%% (%s, %,d tokens of %,d dialogues)"
              .formatted(
                  evaluation.loss(),
                  TrainingView.perplexity(evaluation.perplexity()),
                  100 * evaluation.accuracy(),
                  TrainingView.policy(counted),
                  evaluation.targetTokens(),
                  dialogues.size()));
      if (generate) {
        GenerationMetrics metrics =
            GenerationMetrics.of(weights, dialogues, new Codec(encoder::turn, tokenizer::decode));
        metrics
            .byName()
            .forEach(
                (name, value) -> {
                  result.put(name, value);
                  out.text("%-14s %.4f".formatted(name, value));
                });
      }
    }
    out.object(result);
    return CommandLine.ExitCode.OK;
  }
}
