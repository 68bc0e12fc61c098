package dev.parley.cli;

import ai.djl.Device;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.hub.Hub;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.data.Dialogue;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.trainer.eval.ModelEvaluation;
import dev.parley.trainer.eval.Sample;
import dev.parley.v1.LabelPolicy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley eval}: how well a model predicts dialogues. */
@Command(
    name = "eval",
    description = "Loss and perplexity of a model on dialogues; --generate adds reply metrics.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class EvalCommand implements Callable<Integer> {
  /** As for training: in less, hardly a reply has anything before it. */
  private static final int SHORTEST = 8;

  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  @Option(
      names = "--model",
      required = true,
      paramLabel = "REF",
      description = {
        "name[@version|@alias], a directory in Hugging Face layout, or a model of its hub as"
            + " organisation/name[@revision]"
      })
  private String model = "";

  @Option(names = "--data", required = true, arity = "1..*", paramLabel = "FILE")
  private List<Path> data = new ArrayList<>();

  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--train-on",
      paramLabel = "all|replies|assistant|last|padded",
      defaultValue = "replies",
      description = "which turns count (${DEFAULT-VALUE})")
  private String policy = "";

  @Option(
      names = "--max-length",
      defaultValue = "0",
      description = "longest sequence in tokens; 0: the model's context, but at most 512")
  private int maxLength;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "to be answered; may be repeated")
  private List<String> prompts = new ArrayList<>();

  @Option(
      names = "--generate",
      description = "also replies greedily: Dist, Entropy, BLEU, NIST, length")
  private boolean generate;

  @Option(
      names = "--precision",
      paramLabel = "reference|fp32|bf16|fp16|int12|int8|int4",
      description = "predict as serving in this precision does")
  private @Nullable String precision;

  @Option(
      names = "--against",
      paramLabel = "reference|fp32|bf16|fp16|int12|int8|int4",
      description =
          "with --precision: share of greedy replies to first turns that this precision would give"
              + " otherwise")
  private @Nullable String against;

  @Option(
      names = "--openings",
      paramLabel = "N",
      defaultValue = "200",
      description =
          "with --against: how many different first turns are answered (${DEFAULT-VALUE})")
  private int openings;

  @Option(names = "--limit", paramLabel = "N", description = "only the first N dialogues")
  private int limit = Integer.MAX_VALUE;

  @Option(
      names = "--device",
      paramLabel = "auto|cpu|cuda:N",
      defaultValue = "auto",
      description = "auto: the first GPU, else the CPU")
  private String device = "";

  @Option(names = "--json", description = "one JSON object on standard output")
  private boolean json;

  @Override
  public Integer call() {
    Output out = parley.output(json);
    LabelPolicy counted = TrainOptions.constant(LabelPolicy.class, policy);
    if (maxLength != 0 && maxLength < SHORTEST) {
      throw new UsageException(
          "--max-length is %d, but must be at least %d, or 0".formatted(maxLength, SHORTEST));
    }
    if (limit < 1) {
      throw new UsageException("--limit is %d, but must be at least 1".formatted(limit));
    }
    if (openings < 1) {
      throw new UsageException("--openings is %d, but must be at least 1".formatted(openings));
    }
    if (against != null && precision == null) {
      throw new UsageException("--against needs --precision: the one whose replies are compared");
    }
    List<Dialogue> all = new ArrayList<>();
    data.forEach(file -> all.addAll(DialogueReader.read(file)));
    List<Dialogue> dialogues = all.subList(0, Math.min(limit, all.size()));
    Device on = UsageException.unlessValid(() -> Torch.device(device));
    Optional<Precision> served = precision(precision, on);
    ModelEvaluation measured =
        ModelEvaluation.run(
            locate(out),
            dialogues,
            new ModelEvaluation.Options(
                dev.parley.trainer.data.LabelPolicy.valueOf(policy.toUpperCase(Locale.ROOT)),
                maxLength,
                prompts,
                generate,
                served,
                precision(against, on),
                openings),
            on);
    Evaluation evaluation = measured.evaluation();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model);
    result.put("loss", evaluation.loss());
    result.put("perplexity", evaluation.perplexity());
    result.put("accuracy", evaluation.accuracy());
    result.put("target_tokens", evaluation.targetTokens());
    result.put("label_policy", policy.toLowerCase(Locale.ROOT));
    served.ifPresent(as -> result.put("precision", as.toString()));
    result.put("direction", measured.direction().name().toLowerCase(Locale.ROOT));
    result.put("dialogues", dialogues.size());
    result.put("shortened_share", measured.shortenedShare());
    out.text(
        "loss %.4f nats, perplexity %s, accuracy %.1f%% (%s, %,d tokens of %,d dialogues)"
            .formatted(
                evaluation.loss(),
                TrainingView.perplexity(evaluation.perplexity()),
                100 * evaluation.accuracy(),
                TrainingView.policy(counted),
                evaluation.targetTokens(),
                dialogues.size()));
    for (Sample sample : measured.samples()) {
      out.text("  " + sample.prompt());
      out.text("    → " + TrainingView.oneLine(sample.reply()));
    }
    result.put(
        "samples",
        measured.samples().stream()
            .map(sample -> Output.ordered("prompt", sample.prompt(), "reply", sample.reply()))
            .toList());
    measured
        .generation()
        .ifPresent(
            metrics -> {
              Map<String, Double> named = new LinkedHashMap<>();
              named.put("distinct_1", metrics.distinct1());
              named.put("distinct_2", metrics.distinct2());
              named.put("entropy_4", metrics.entropy4());
              named.put("bleu_2", metrics.bleu2());
              named.put("bleu_4", metrics.bleu4());
              named.put("nist_2", metrics.nist2());
              named.put("nist_4", metrics.nist4());
              named.put("mean_length", metrics.meanLength());
              result.putAll(named);
              named.forEach((name, value) -> out.text("%-12s %.4f".formatted(name, value)));
            });
    measured
        .changed()
        .ifPresent(
            changed -> {
              result.put("against", against);
              result.put("openings", changed.openings());
              result.put("changed_alone", changed.alone());
              result.put("changed_among_others", changed.amongOthers());
              result.put("changed_by_others", changed.byOthers());
              out.text(
                  "of %,d greedy replies, %s changes against %s %.1f%% alone and %.1f%% among 31 others, who change %.1f%%"
                      .formatted(
                          changed.openings(),
                          precision,
                          against,
                          100 * changed.alone(),
                          100 * changed.amongOthers(),
                          100 * changed.byOthers()));
            });
    out.object(result);
    return CommandLine.ExitCode.OK;
  }

  private Path locate(Output out) {
    try (ProgressBar bar = out.progressBar()) {
      return home.registry().locate(model, Hub::ofProcess, new HubView(out, bar));
    }
  }

  private static Optional<Precision> precision(@Nullable String name, Device device) {
    return name == null
        ? Optional.empty()
        : Optional.of(UsageException.unlessValid(() -> Precision.of(name, device)));
  }
}
