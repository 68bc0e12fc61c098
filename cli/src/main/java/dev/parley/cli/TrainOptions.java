package dev.parley.cli;

import com.google.protobuf.util.Durations;
import dev.parley.v1.DataSource;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.LearningRateSchedule;
import dev.parley.v1.Lora;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingDirection;
import dev.parley.v1.TrainingParameters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code parley train} can be told about a job, as a {@link TrainRequest}. */
final class TrainOptions {
  private static final Pattern DATASET = Pattern.compile("sha256:[0-9a-f]{64}");

  @Option(
      names = "--base",
      paramLabel = "REF",
      defaultValue = "parley-tiny",
      description = {
        "model to start from: name[@version|@alias], a directory, or a model of Hugging Face's hub"
            + " as organisation/name[@revision] (${DEFAULT-VALUE})"
      })
  private String base = "parley-tiny";

  @Option(names = "--name", description = "model that gets the new version")
  private String name = "";

  @Option(
      names = "--data",
      arity = "1..*",
      paramLabel = "FILE",
      description =
          "dialogues: JSONL, CSV or TSV, each also as .gz; or an uploaded dataset, sha256:…")
  private List<Path> data = new ArrayList<>();

  @Option(
      names = "--eval-data",
      arity = "1..*",
      paramLabel = "FILE",
      description = "dialogues to evaluate on, instead of a share of --data")
  private List<Path> evaluationData = new ArrayList<>();

  @Option(names = "--eval-share", description = "share of the dialogues that is held out (0.2)")
  private @Nullable Double evaluationShare;

  @Option(names = "--eval-steps", description = "steps between evaluations; 0: before and after")
  private @Nullable Integer evaluationSteps;

  @Option(
      names = "--patience",
      paramLabel = "N",
      description = "stops after N evaluations without a better one; needs --eval-steps")
  private @Nullable Integer patience;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "STEPS|DURATION",
      description = "steps (500) or time (90s, 10m, 1h) between checkpoints; 0: none (5m)")
  private @Nullable String checkpointEvery;

  @Option(
      names = "--keep",
      paramLabel = "K",
      description = "newest checkpoints to keep, beside the best (2 while it trains, then none)")
  private @Nullable Integer keep;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      description = "answered at each evaluation; may be repeated")
  private List<String> prompts = new ArrayList<>();

  @Option(
      names = "--preset",
      paramLabel = "default|scratch|seed",
      description = "values for the rest; scratch: for a base that knows nothing, as parley-tiny")
  private @Nullable String preset;

  @Option(names = "--epochs", description = "passes over the data")
  private @Nullable Double epochs;

  @Option(names = "--max-steps", description = "optimiser steps")
  private @Nullable Integer maxSteps;

  @Option(names = "--batch-size", description = "sequences in one forward pass")
  private @Nullable Integer batchSize;

  @Option(names = "--gradient-accumulation", description = "forward passes in one step")
  private @Nullable Integer gradientAccumulation;

  @Option(names = "--learning-rate", description = "the highest")
  private @Nullable Double learningRate;

  @Option(
      names = "--schedule",
      paramLabel = "linear|cosine|constant|noam",
      description = "of the learning rate, after the warm-up")
  private @Nullable String schedule;

  @Option(names = "--warmup-steps", description = "steps in which the learning rate rises")
  private @Nullable Integer warmupSteps;

  @Option(names = "--weight-decay", description = "not on biases and LayerNorm")
  private @Nullable Double weightDecay;

  @Option(names = "--max-grad-norm", description = "the global norm is clipped here; 0: never")
  private @Nullable Double maxGradientNorm;

  @Option(names = "--max-length", description = "longest sequence in tokens")
  private @Nullable Integer maxLength;

  @Option(
      names = "--train-on",
      paramLabel = "all|replies|assistant|last|padded",
      description =
          "what is learned: every token, every turn but the first, the assistant's turns,"
              + " the last turn, or every token and the padding up to --max-length")
  private @Nullable String trainOn;

  @Option(
      names = "--direction",
      paramLabel = "forward|backward",
      description =
          "in which order turns are read; backward makes a model that ranks replies"
              + " (parley chat --mmi)")
  private @Nullable String direction;

  @Option(names = "--dropout", description = "instead of the base model's")
  private @Nullable Double dropout;

  @Option(names = "--seed", description = "of split, order and dropout")
  private @Nullable Long seed;

  @Option(
      names = "--precision",
      paramLabel = "auto|fp32|bf16|fp16",
      description = "of the computation")
  private @Nullable String precision;

  @Option(
      names = "--device",
      paramLabel = "auto|cpu|cuda:N",
      description = "auto: the first GPU, else the CPU")
  private @Nullable String device;

  @Option(
      names = "--promote",
      paramLabel = "never|if-better|always",
      description = "whether the new version becomes the default")
  private @Nullable String promote;

  @Option(names = "--lora", description = "trains adapters beside frozen weights (LoRA)")
  private boolean lora;

  @Option(names = "--lora-rank", description = "width of an adapter (8); implies --lora")
  private @Nullable Integer loraRank;

  @Option(names = "--lora-alpha", description = "weight of the adapters, twice their rank")
  private @Nullable Double loraAlpha;

  @Option(names = "--lora-dropout", description = "of what goes into the adapters (0)")
  private @Nullable Double loraDropout;

  @Option(
      names = "--lora-targets",
      split = ",",
      paramLabel = "NAME",
      description = "of attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj; all if left out")
  private List<String> loraTargets = new ArrayList<>();

  @Option(
      names = "--gradient-checkpointing",
      description = "less memory for about a third more time: layers are computed twice")
  private boolean gradientCheckpointing;

  @Option(
      names = "--overfit-batches",
      paramLabel = "N",
      description = "a check: learns the first N batches by heart; the loss has to come close to 0")
  private @Nullable Integer overfitBatches;

  /** Whether the training is only a check of data and settings. */
  boolean overfits() {
    return overfitBatches != null && overfitBatches > 0;
  }

  /** The request; its values are checked where the job is created. */
  TrainRequest request() {
    if (name.isEmpty() || data.isEmpty()) {
      throw new UsageException(
          "Missing required option%s"
              .formatted(
                  !data.isEmpty()
                      ? ": '--name=<name>'"
                      : !name.isEmpty() ? ": '--data=FILE'" : "s: '--name=<name>', '--data=FILE'"));
    }
    TrainRequest.Builder request =
        TrainRequest.newBuilder()
            .setBaseModel(base)
            .setModelName(name)
            .setParameters(parameters())
            .addAllSamplePrompts(prompts);
    data.forEach(file -> request.addData(source(file)));
    evaluationData.forEach(file -> request.addEvaluationData(source(file)));
    return request.build();
  }

  private TrainingParameters parameters() {
    TrainingParameters.Builder parameters = TrainingParameters.newBuilder();
    given(preset, parameters::setPreset);
    given(epochs, parameters::setEpochs);
    given(maxSteps, parameters::setMaxSteps);
    given(batchSize, parameters::setBatchSize);
    given(gradientAccumulation, parameters::setGradientAccumulation);
    given(learningRate, parameters::setLearningRate);
    given(schedule, s -> parameters.setSchedule(constant(LearningRateSchedule.class, s)));
    given(warmupSteps, parameters::setWarmupSteps);
    given(weightDecay, parameters::setWeightDecay);
    given(maxGradientNorm, parameters::setMaxGradNorm);
    given(maxLength, parameters::setMaxLength);
    given(trainOn, s -> parameters.setLabelPolicy(constant(LabelPolicy.class, s)));
    given(direction, s -> parameters.setDirection(constant(TrainingDirection.class, s)));
    given(evaluationShare, parameters::setEvaluationShare);
    given(evaluationSteps, parameters::setEvaluationSteps);
    given(patience, parameters::setPatience);
    given(checkpointEvery, text -> checkpoints(text, parameters));
    given(keep, parameters::setKeepCheckpoints);
    given(dropout, parameters::setDropout);
    given(seed, parameters::setSeed);
    given(precision, parameters::setPrecision);
    given(device, parameters::setDevice);
    given(promote, s -> parameters.setPromotion(constant(PromotionPolicy.class, s)));
    given(overfitBatches, parameters::setOverfitBatches);
    if (gradientCheckpointing) {
      parameters.setGradientCheckpointing(true);
    }
    if (lora
        || loraRank != null
        || loraAlpha != null
        || loraDropout != null
        || !loraTargets.isEmpty()) {
      Lora.Builder adapters = parameters.getLoraBuilder().addAllTargets(loraTargets);
      given(loraRank, adapters::setRank);
      given(loraAlpha, adapters::setAlpha);
      given(loraDropout, adapters::setDropout);
    }
    return parameters.build();
  }

  private static void checkpoints(String every, TrainingParameters.Builder parameters) {
    Matcher matcher = Pattern.compile("(\\d{1,9})([smh]?)").matcher(every);
    if (!matcher.matches()) {
      throw new UsageException(
          "--checkpoint-every is '%s': write steps as 500, or a time as 90s, 10m or 1h"
              .formatted(every));
    }
    int number = Integer.parseInt(matcher.group(1));
    switch (matcher.group(2)) {
      case "s" -> parameters.setCheckpointInterval(Durations.fromSeconds(number));
      case "m" -> parameters.setCheckpointInterval(Durations.fromMinutes(number));
      case "h" -> parameters.setCheckpointInterval(Durations.fromHours(number));
      default ->
          parameters.setCheckpointSteps(number).setCheckpointInterval(Durations.fromSeconds(0));
    }
  }

  private static <T> void given(@Nullable T value, Consumer<T> set) {
    if (value != null) {
      set.accept(value);
    }
  }

  private static DataSource source(Path file) {
    if (DATASET.matcher(file.toString()).matches()) {
      return DataSource.newBuilder().setDataset(file.toString()).build();
    }
    return DataSource.newBuilder().setPath(file.toAbsolutePath().normalize().toString()).build();
  }

  /** The constant of a contract's enum that a word names: {@code if-better} is ..._IF_BETTER. */
  static <E extends Enum<E>> E constant(Class<E> type, String word) {
    String prefix =
        type.getSimpleName().replaceAll("(?<=[a-z])(?=[A-Z])", "_").toUpperCase(Locale.ROOT) + "_";
    List<String> known = new ArrayList<>();
    for (E constant : type.getEnumConstants()) {
      String name = constant.name();
      if (name.startsWith(prefix) && !name.endsWith("_UNSPECIFIED")) {
        String spelled = name.substring(prefix.length()).toLowerCase(Locale.ROOT).replace('_', '-');
        if (spelled.equalsIgnoreCase(word)) {
          return constant;
        }
        known.add(spelled);
      }
    }
    throw new UsageException(
        "'%s' is not known here: use %s".formatted(word, String.join(", ", known)));
  }
}
