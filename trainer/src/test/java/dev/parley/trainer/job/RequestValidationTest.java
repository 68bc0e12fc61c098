package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.v1.DataSource;
import dev.parley.v1.Dialogue;
import dev.parley.v1.DialogueTurn;
import dev.parley.v1.InlineDialogues;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class RequestValidationTest {
  @Test
  void problems_goodRequest_areNone() {
    assertThat(RequestValidation.problems(good().build())).isEmpty();
  }

  @Test
  void problems_severalFields_areFoundAtOnce() {
    TrainRequest request =
        good()
            .setModelName("No Spaces")
            .setParameters(
                TrainingParameters.newBuilder().setLearningRate(-1).setBatchSize(0).setDropout(1))
            .build();

    assertThat(RequestValidation.problems(request))
        .extracting(RequestValidation.Problem::path)
        .containsExactly(
            "model_name",
            "parameters.batch_size",
            "parameters.learning_rate",
            "parameters.dropout");
  }

  @ParameterizedTest
  @MethodSource("parameters")
  void problems_parameterOutOfRange_namesFieldAndLimit(
      Consumer<TrainingParameters.Builder> change, String path, String description) {
    TrainingParameters.Builder parameters = TrainingParameters.newBuilder();
    change.accept(parameters);

    assertThat(RequestValidation.problems(good().setParameters(parameters).build()))
        .singleElement()
        .satisfies(
            problem -> {
              assertThat(problem.path()).isEqualTo("parameters." + path);
              assertThat(problem.description()).contains(description);
            });
  }

  static Stream<Arguments> parameters() {
    return Stream.of(
        bad(p -> p.setPreset("best"), "preset", "is 'best': use default, scratch or seed"),
        bad(p -> p.setEpochs(0), "epochs", "is 0.0, but must be above 0"),
        bad(p -> p.setEpochs(Double.NaN), "epochs", "is NaN"),
        bad(p -> p.setMaxSteps(0), "max_steps", "is 0, but must be from 1"),
        bad(p -> p.setBatchSize(5000), "batch_size", "from 1 to 4096"),
        bad(p -> p.setGradientAccumulation(0), "gradient_accumulation", "from 1 to 4096"),
        bad(p -> p.setLearningRate(Double.POSITIVE_INFINITY), "learning_rate", "is Infinity"),
        bad(p -> p.setScheduleValue(9), "schedule", "unknown number 9: use LINEAR"),
        bad(p -> p.setWarmupSteps(-1), "warmup_steps", "from 0 to"),
        bad(p -> p.setWeightDecay(1.5), "weight_decay", "from 0 to 1"),
        bad(p -> p.setMaxGradNorm(-0.1), "max_grad_norm", "at least 0"),
        bad(p -> p.setMaxLength(7), "max_length", "from 8"),
        bad(
            p -> p.setLabelPolicyValue(7),
            "label_policy",
            "use ALL, REPLIES, ASSISTANT, LAST or PADDED"),
        bad(p -> p.setEvaluationShare(1), "evaluation_share", "below 1"),
        bad(p -> p.setPrecision("int8"), "precision", "is 'int8': use auto, fp32, bf16 or fp16"),
        bad(p -> p.setEvaluationSteps(-1), "evaluation_steps", "from 0"),
        bad(p -> p.setDevice("tpu"), "device", "is 'tpu': use auto, cpu or cuda:N"),
        bad(p -> p.setPromotionValue(8), "promotion", "NEVER, IF_BETTER or ALWAYS"),
        bad(p -> p.getLoraBuilder().setRank(0), "lora.rank", "from 1 to 1024"),
        bad(p -> p.getLoraBuilder().setAlpha(0), "lora.alpha", "is 0.0, but must be above 0"),
        bad(p -> p.getLoraBuilder().setDropout(1), "lora.dropout", "below 1"),
        bad(
            p -> p.getLoraBuilder().addTargets("mlp.c_fc").addTargets("c_proj"),
            "lora.targets[1]",
            "is 'c_proj': use attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj"),
        bad(p -> p.setOverfitBatches(-1), "overfit_batches", "from 0 to 1000"));
  }

  private static Arguments bad(
      Consumer<TrainingParameters.Builder> change, String path, String description) {
    return Arguments.of(change, path, description);
  }

  @ParameterizedTest
  @MethodSource("requests")
  void problems_badRequest_namesThePath(TrainRequest.Builder request, String path) {
    assertThat(RequestValidation.problems(request.build()))
        .extracting(RequestValidation.Problem::path)
        .containsExactly(path);
  }

  static Stream<Arguments> requests() {
    DataSource oneTurn = inline(Dialogue.newBuilder().addTurns(turn("a")));
    DataSource blank = inline(Dialogue.newBuilder().addTurns(turn("a")).addTurns(turn(" ")));
    return Stream.of(
        Arguments.of(good().clearBaseModel(), "base_model"),
        Arguments.of(good().clearModelName(), "model_name"),
        Arguments.of(good().setModelName("a/b"), "model_name"),
        Arguments.of(good().setModelName("a".repeat(65)), "model_name"),
        Arguments.of(good().clearData(), "data"),
        Arguments.of(good().addData(DataSource.getDefaultInstance()), "data[1]"),
        Arguments.of(good().addData(DataSource.newBuilder().setPath("")), "data[1].path"),
        Arguments.of(good().addData(DataSource.newBuilder().setPath("a.txt")), "data[1].path"),
        Arguments.of(good().addData(DataSource.newBuilder().setPath("/data")), "data[1].path"),
        Arguments.of(good().addData(DataSource.newBuilder().setDataset("../x")), "data[1].dataset"),
        Arguments.of(
            good().addEvaluationData(oneTurn), "evaluation_data[0].inline.dialogues[0].turns"),
        Arguments.of(good().setData(0, blank), "data[0].inline.dialogues[0].turns[1].text"),
        Arguments.of(
            good().setData(0, DataSource.newBuilder().setInline(InlineDialogues.newBuilder())),
            "data[0].inline.dialogues"),
        Arguments.of(good().addSamplePrompts(""), "sample_prompts[0]"),
        Arguments.of(
            good().addAllSamplePrompts(java.util.Collections.nCopies(17, "x")), "sample_prompts"),
        Arguments.of(good().setIdempotencyKey("k".repeat(129)), "idempotency_key"));
  }

  private static TrainRequest.Builder good() {
    return TrainRequest.newBuilder()
        .setBaseModel("parley-tiny")
        .setModelName("my-model_1.0")
        .addData(DataSource.newBuilder().setPath("dialogues.jsonl"));
  }

  private static DataSource inline(Dialogue.Builder dialogue) {
    return DataSource.newBuilder()
        .setInline(InlineDialogues.newBuilder().addDialogues(dialogue))
        .build();
  }

  private static DialogueTurn turn(String text) {
    return DialogueTurn.newBuilder().setRole("user").setText(text).build();
  }
}
