package dev.parley.trainer.job;

import com.google.protobuf.Duration;
import com.google.protobuf.util.Durations;
import dev.parley.model.gpt2.Lora.Projection;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.v1.DataSource;
import dev.parley.v1.Dialogue;
import dev.parley.v1.DialogueTurn;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.LearningRateSchedule;
import dev.parley.v1.Lora;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingDirection;
import dev.parley.v1.TrainingParameters;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The rules of a {@link TrainRequest} that need no file and no model: ranges, names, presence. All
 * problems are found at once.
 */
public final class RequestValidation {
  private static final Pattern MODEL_NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");
  private static final Pattern DATASET = Pattern.compile("sha256:[0-9a-f]{64}");
  private static final List<String> LORA_TARGETS =
      Stream.of(Projection.values()).map(Projection::key).toList();
  private static final int MAX_PROMPTS = 16;
  private static final int MAX_KEY_LENGTH = 128;

  private final List<Problem> problems = new ArrayList<>();

  private RequestValidation() {}

  /**
   * A field that breaks a rule.
   *
   * @param path as the contract spells it, such as {@code parameters.learning_rate}
   * @param description the value, the limit, the remedy
   */
  public record Problem(String path, String description) {}

  /** Every problem of a request; empty if it is right. */
  public static List<Problem> problems(TrainRequest request) {
    RequestValidation validation = new RequestValidation();
    validation.check(request);
    return List.copyOf(validation.problems);
  }

  private void check(TrainRequest request) {
    require(
        !request.getBaseModel().isBlank(),
        "base_model",
        "is empty: give a model of the registry, such as parley-tiny, a directory, or a model of a hub");
    require(
        MODEL_NAME.matcher(request.getModelName()).matches(),
        "model_name",
        "is '%s', but must be 1 to 64 lower-case letters, digits, '.', '_' or '-', and begin with a letter or digit"
            .formatted(request.getModelName()));
    require(request.getDataCount() > 0, "data", "is empty: give at least one source of dialogues");
    for (int i = 0; i < request.getDataCount(); i++) {
      source("data[%d]".formatted(i), request.getData(i));
    }
    for (int i = 0; i < request.getEvaluationDataCount(); i++) {
      source("evaluation_data[%d]".formatted(i), request.getEvaluationData(i));
    }
    parameters(request.getParameters());
    require(
        request.getSamplePromptsCount() <= MAX_PROMPTS,
        "sample_prompts",
        "has %d prompts, but at most %d are asked: leave some out"
            .formatted(request.getSamplePromptsCount(), MAX_PROMPTS));
    for (int i = 0; i < request.getSamplePromptsCount(); i++) {
      require(
          !request.getSamplePrompts(i).isBlank(),
          "sample_prompts[%d]".formatted(i),
          "is empty: give a text, or leave it out");
    }
    require(
        request.getIdempotencyKey().length() <= MAX_KEY_LENGTH,
        "idempotency_key",
        "has %d characters, but may have at most %d: use a digest of it"
            .formatted(request.getIdempotencyKey().length(), MAX_KEY_LENGTH));
  }

  private void source(String path, DataSource source) {
    switch (source.getSourceCase()) {
      case INLINE -> {
        List<Dialogue> dialogues = source.getInline().getDialoguesList();
        require(
            !dialogues.isEmpty(),
            path + ".inline.dialogues",
            "is empty: give at least one dialogue of two turns");
        for (int d = 0; d < dialogues.size(); d++) {
          String dialogue = "%s.inline.dialogues[%d].turns".formatted(path, d);
          int turns = dialogues.get(d).getTurnsCount();
          require(
              turns >= 2,
              dialogue,
              "has %s, but a dialogue needs at least 2: add them, or leave the dialogue out"
                  .formatted(turns == 1 ? "1 turn" : "no turns"));
          for (int t = 0; t < turns; t++) {
            DialogueTurn turn = dialogues.get(d).getTurns(t);
            require(
                !turn.getRole().isBlank(),
                "%s[%d].role".formatted(dialogue, t),
                "is empty: use user, assistant or the name of another speaker");
            require(
                !turn.getText().isBlank(),
                "%s[%d].text".formatted(dialogue, t),
                "is empty: give what was said, or leave the turn out");
          }
        }
      }
      case PATH ->
          require(
              DialogueReader.reads(source.getPath()),
              path + ".path",
              source.getPath().isBlank()
                  ? "is empty: give a file that ends in " + DialogueReader.endings()
                  : "is '%s', but must end in %s"
                      .formatted(source.getPath(), DialogueReader.endings()));
      case DATASET ->
          require(
              DATASET.matcher(source.getDataset()).matches(),
              path + ".dataset",
              "is '%s', but must be 'sha256:' and 64 hexadecimal digits, as UploadDataset answers"
                  .formatted(source.getDataset()));
      case SOURCE_NOT_SET -> require(false, path, "names no source: set inline, path or dataset");
    }
  }

  private void parameters(TrainingParameters p) {
    String preset = p.getPreset();
    require(
        !p.hasPreset() || List.of("default", "scratch", "seed").contains(preset),
        "parameters.preset",
        "is '%s': use default, scratch or seed".formatted(preset));
    number(
        "epochs",
        p.hasEpochs(),
        p.getEpochs(),
        p.getEpochs() > 0 && p.getEpochs() <= 10_000,
        "above 0 and at most 10000");
    whole("max_steps", p.hasMaxSteps(), p.getMaxSteps(), 1, 100_000_000);
    whole("batch_size", p.hasBatchSize(), p.getBatchSize(), 1, 4096);
    whole(
        "gradient_accumulation", p.hasGradientAccumulation(), p.getGradientAccumulation(), 1, 4096);
    number(
        "learning_rate",
        p.hasLearningRate(),
        p.getLearningRate(),
        p.getLearningRate() > 0,
        "a number above 0; 5e-5 suits a pretrained model, 2e-3 a small one from scratch");
    known(
        "schedule",
        p.hasSchedule(),
        p.getSchedule() == LearningRateSchedule.UNRECOGNIZED,
        p.getScheduleValue(),
        "LINEAR, COSINE, CONSTANT or NOAM");
    whole("warmup_steps", p.hasWarmupSteps(), p.getWarmupSteps(), 0, 100_000_000);
    require(
        !p.hasWarmupSteps() || p.getMaxSteps() <= 0 || p.getWarmupSteps() < p.getMaxSteps(),
        "parameters.warmup_steps",
        "is %d, but training ends after max_steps = %d and would never reach its learning rate: warm up for fewer steps"
            .formatted(p.getWarmupSteps(), p.getMaxSteps()));
    number(
        "weight_decay",
        p.hasWeightDecay(),
        p.getWeightDecay(),
        p.getWeightDecay() >= 0 && p.getWeightDecay() <= 1,
        "from 0 to 1");
    number(
        "max_grad_norm",
        p.hasMaxGradNorm(),
        p.getMaxGradNorm(),
        p.getMaxGradNorm() >= 0,
        "at least 0, which does not clip");
    whole("max_length", p.hasMaxLength(), p.getMaxLength(), 8, 1_000_000);
    known(
        "label_policy",
        p.hasLabelPolicy(),
        p.getLabelPolicy() == LabelPolicy.UNRECOGNIZED,
        p.getLabelPolicyValue(),
        "ALL, REPLIES, ASSISTANT, LAST or PADDED");
    number(
        "evaluation_share",
        p.hasEvaluationShare(),
        p.getEvaluationShare(),
        p.getEvaluationShare() >= 0 && p.getEvaluationShare() < 1,
        "at least 0 and below 1");
    require(
        !p.hasPrecision() || List.of("auto", "fp32", "bf16", "fp16").contains(p.getPrecision()),
        "parameters.precision",
        "is '%s': use auto, fp32, bf16 or fp16".formatted(p.getPrecision()));
    number(
        "dropout",
        p.hasDropout(),
        p.getDropout(),
        p.getDropout() >= 0 && p.getDropout() < 1,
        "at least 0 and below 1");
    whole("evaluation_steps", p.hasEvaluationSteps(), p.getEvaluationSteps(), 0, 100_000_000);
    require(
        !p.hasDevice() || p.getDevice().matches("auto|cpu|cuda(:\\d{1,3})?"),
        "parameters.device",
        "is '%s': use auto, cpu or cuda:N".formatted(p.getDevice()));
    known(
        "promotion",
        p.hasPromotion(),
        p.getPromotion() == PromotionPolicy.UNRECOGNIZED,
        p.getPromotionValue(),
        "NEVER, IF_BETTER or ALWAYS");
    known(
        "direction",
        p.hasDirection(),
        p.getDirection() == TrainingDirection.UNRECOGNIZED,
        p.getDirectionValue(),
        "FORWARD or BACKWARD");
    whole("checkpoint_steps", p.hasCheckpointSteps(), p.getCheckpointSteps(), 0, 100_000_000);
    require(
        !p.hasCheckpointInterval() || withinADay(p.getCheckpointInterval()),
        "parameters.checkpoint_interval",
        "is %s, but must be from 0 s to 86400 s".formatted(seconds(p.getCheckpointInterval())));
    whole("keep_checkpoints", p.hasKeepCheckpoints(), p.getKeepCheckpoints(), 1, 1000);
    whole("patience", p.hasPatience(), p.getPatience(), 0, 1_000_000);
    require(
        p.getPatience() <= 0 || p.getEvaluationSteps() > 0,
        "parameters.patience",
        "is %d, but without evaluation_steps there is no evaluation in between to wait for: set both"
            .formatted(p.getPatience()));
    footprint(p);
  }

  private void footprint(TrainingParameters p) {
    Lora lora = p.getLora();
    whole("lora.rank", lora.hasRank(), lora.getRank(), 1, 1024);
    number("lora.alpha", lora.hasAlpha(), lora.getAlpha(), lora.getAlpha() > 0, "above 0");
    number(
        "lora.dropout",
        lora.hasDropout(),
        lora.getDropout(),
        lora.getDropout() >= 0 && lora.getDropout() < 1,
        "at least 0 and below 1");
    for (int i = 0; i < lora.getTargetsCount(); i++) {
      require(
          LORA_TARGETS.contains(lora.getTargets(i)),
          "parameters.lora.targets[%d]".formatted(i),
          "is '%s': use %s".formatted(lora.getTargets(i), String.join(", ", LORA_TARGETS)));
      require(
          lora.getTargetsList().indexOf(lora.getTargets(i)) == i,
          "parameters.lora.targets[%d]".formatted(i),
          "is '%s' once more: name each projection once".formatted(lora.getTargets(i)));
    }
    whole("overfit_batches", p.hasOverfitBatches(), p.getOverfitBatches(), 0, 1000);
  }

  private static boolean withinADay(Duration duration) {
    return Durations.isValid(duration)
        && !Durations.isNegative(duration)
        && Durations.compare(duration, Durations.fromDays(1)) <= 0;
  }

  private static String seconds(Duration duration) {
    BigDecimal seconds = BigDecimal.valueOf(duration.getNanos(), 9);
    return seconds
            .add(BigDecimal.valueOf(duration.getSeconds()))
            .stripTrailingZeros()
            .toPlainString()
        + " s";
  }

  private void number(String field, boolean present, double value, boolean holds, String limit) {
    require(
        !present || (Double.isFinite(value) && holds),
        "parameters." + field,
        "is %s, but must be %s".formatted(value, limit));
  }

  private void whole(String field, boolean present, int value, int least, int most) {
    require(
        !present || (value >= least && value <= most),
        "parameters." + field,
        "is %d, but must be from %d to %d".formatted(value, least, most));
  }

  private void known(String field, boolean present, boolean unknown, int number, String names) {
    require(
        !present || !unknown,
        "parameters." + field,
        "is the unknown number %d: use %s".formatted(number, names));
  }

  private void require(boolean holds, String path, String description) {
    if (!holds) {
      problems.add(new Problem(path, description));
    }
  }
}
