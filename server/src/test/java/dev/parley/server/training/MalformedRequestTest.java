package dev.parley.server.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.Duration;
import dev.parley.server.ops.TestJobs;
import dev.parley.server.ops.TestServer;
import dev.parley.v1.DataSource;
import dev.parley.v1.Dialogue;
import dev.parley.v1.DialogueTurn;
import dev.parley.v1.InlineDialogues;
import dev.parley.v1.ListTrainingJobsRequest;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests that cannot be carried out, and word for word what a client hears of each. */
final class MalformedRequestTest {
  @TempDir private static Path home;
  private static TestServer server;

  /**
   * A request that is wrong in one place.
   *
   * @param message all that is said of it
   */
  record Malformed(TrainRequest request, String message) {
    @Override
    public String toString() {
      return message;
    }
  }

  @BeforeAll
  static void start() {
    server = TestServer.start(home);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @ParameterizedTest
  @MethodSource("requests")
  void train_malformedRequest_saysFieldValueAndRemedy_nothingIsCreated(Malformed malformed) {
    StatusRuntimeException refused =
        catchThrowableOfType(
            StatusRuntimeException.class,
            () -> server.training().train(malformed.request()).next());

    assertThat(refused.getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(refused.getStatus().getDescription()).isEqualTo(malformed.message());
    assertThat(
            server
                .training()
                .listTrainingJobs(ListTrainingJobsRequest.getDefaultInstance())
                .getJobsList())
        .isEmpty();
  }

  @Test
  void requests_areManyAndDiffer() {
    List<Malformed> requests = requests().toList();

    assertThat(requests).hasSizeGreaterThanOrEqualTo(30);
    assertThat(requests).extracting(Malformed::message).doesNotHaveDuplicates();
  }

  static Stream<Malformed> requests() {
    return Stream.of(names(), sources(), numbers(), choices()).flatMap(stream -> stream);
  }

  private static Stream<Malformed> names() {
    return Stream.of(
        request(
            r -> r.clearBaseModel(),
            "base_model: is empty: give a model of the registry, such as parley-tiny, a directory, or a model of a hub"),
        request(
            r -> r.clearModelName(),
            "model_name: is '', but must be 1 to 64 lower-case letters, digits, '.', '_' or '-', and begin with a letter or digit"),
        request(
            r -> r.setModelName("My Shop"),
            "model_name: is 'My Shop', but must be 1 to 64 lower-case letters, digits, '.', '_' or '-', and begin with a letter or digit"),
        request(
            r -> r.setModelName("../shop"),
            "model_name: is '../shop', but must be 1 to 64 lower-case letters, digits, '.', '_' or '-', and begin with a letter or digit"),
        request(
            r -> r.setModelName("a".repeat(65)),
            "model_name: is 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', but must be 1 to 64 lower-case letters, digits, '.', '_' or '-', and begin with a letter or digit"),
        request(
            r -> r.addSamplePrompts(""),
            "sample_prompts[1]: is empty: give a text, or leave it out"),
        request(
            r -> r.addAllSamplePrompts(Collections.nCopies(16, "x")),
            "sample_prompts: has 17 prompts, but at most 16 are asked: leave some out"),
        request(
            r -> r.setIdempotencyKey("k".repeat(129)),
            "idempotency_key: has 129 characters, but may have at most 128: use a digest of it"));
  }

  private static Stream<Malformed> sources() {
    return Stream.of(
        request(r -> r.clearData(), "data: is empty: give at least one source of dialogues"),
        request(
            r -> r.addData(DataSource.getDefaultInstance()),
            "data[1]: names no source: set inline, path or dataset"),
        request(
            r -> r.addData(path("")),
            "data[1].path: is empty: give a file that ends in .jsonl, .csv or .tsv, each also as .gz"),
        request(
            r -> r.addData(path("notes.txt")),
            "data[1].path: is 'notes.txt', but must end in .jsonl, .csv or .tsv, each also as .gz"),
        request(
            r -> r.addData(path("/does/not/exist.jsonl")),
            "data[1].path: '/does/not/exist.jsonl' is not a file on the server, whose directory is "
                + Path.of("").toAbsolutePath()
                + "; give an absolute path"),
        request(
            r -> r.addData(path("a\0b.jsonl")),
            "data[1].path: is no name of a file: Nul character not allowed"),
        request(
            r -> r.addData(dataset("../x")),
            "data[1].dataset: is '../x', but must be 'sha256:' and 64 hexadecimal digits, as UploadDataset answers"),
        request(
            r -> r.addData(dataset("sha256:" + "0".repeat(64))),
            "data[1].dataset: sha256:0000000000000000000000000000000000000000000000000000000000000000 is not on this server as a whole: upload it with UploadDataset"),
        request(
            r -> r.addData(DataSource.newBuilder().setInline(InlineDialogues.getDefaultInstance())),
            "data[1].inline.dialogues: is empty: give at least one dialogue of two turns"),
        request(
            r -> r.setData(0, inline()),
            "data[0].inline.dialogues[0].turns: has no turns, but a dialogue needs at least 2: add them, or leave the dialogue out"),
        request(
            r -> r.setData(0, inline(turn("user", "a"))),
            "data[0].inline.dialogues[0].turns: has 1 turn, but a dialogue needs at least 2: add them, or leave the dialogue out"),
        request(
            r -> r.setData(0, inline(turn("user", "a"), turn("assistant", " "))),
            "data[0].inline.dialogues[0].turns[1].text: is empty: give what was said, or leave the turn out"),
        request(
            r -> r.setData(0, inline(turn("", "a"), turn("assistant", "b"))),
            "data[0].inline.dialogues[0].turns[0].role: is empty: use user, assistant or the name of another speaker"),
        request(
            r -> r.addEvaluationData(path("valid.json")),
            "evaluation_data[0].path: is 'valid.json', but must end in .jsonl, .csv or .tsv, each also as .gz"));
  }

  private static Stream<Malformed> numbers() {
    return Stream.of(
        parameters(
            p -> p.setEpochs(0),
            "parameters.epochs: is 0.0, but must be above 0 and at most 10000"),
        parameters(
            p -> p.setEpochs(Double.NaN),
            "parameters.epochs: is NaN, but must be above 0 and at most 10000"),
        parameters(
            p -> p.setEpochs(10_001),
            "parameters.epochs: is 10001.0, but must be above 0 and at most 10000"),
        parameters(
            p -> p.setMaxSteps(0), "parameters.max_steps: is 0, but must be from 1 to 100000000"),
        parameters(
            p -> p.setBatchSize(0), "parameters.batch_size: is 0, but must be from 1 to 4096"),
        parameters(
            p -> p.setBatchSize(5000),
            "parameters.batch_size: is 5000, but must be from 1 to 4096"),
        parameters(
            p -> p.setGradientAccumulation(-1),
            "parameters.gradient_accumulation: is -1, but must be from 1 to 4096"),
        parameters(
            p -> p.setLearningRate(0),
            "parameters.learning_rate: is 0.0, but must be a number above 0; 5e-5 suits a pretrained model, 2e-3 a small one from scratch"),
        parameters(
            p -> p.setLearningRate(Double.POSITIVE_INFINITY),
            "parameters.learning_rate: is Infinity, but must be a number above 0; 5e-5 suits a pretrained model, 2e-3 a small one from scratch"),
        parameters(
            p -> p.setWarmupSteps(-1),
            "parameters.warmup_steps: is -1, but must be from 0 to 100000000"),
        parameters(
            p -> p.setWarmupSteps(10),
            "parameters.warmup_steps: is 10, but training ends after max_steps = 10 and would never reach its learning rate: warm up for fewer steps"),
        parameters(
            p -> p.setWeightDecay(1.5), "parameters.weight_decay: is 1.5, but must be from 0 to 1"),
        parameters(
            p -> p.setMaxGradNorm(-0.1),
            "parameters.max_grad_norm: is -0.1, but must be at least 0, which does not clip"),
        parameters(
            p -> p.setMaxLength(7), "parameters.max_length: is 7, but must be from 8 to 1000000"),
        parameters(
            p -> p.setEvaluationShare(1),
            "parameters.evaluation_share: is 1.0, but must be at least 0 and below 1"),
        parameters(
            p -> p.setDropout(1), "parameters.dropout: is 1.0, but must be at least 0 and below 1"),
        parameters(
            p -> p.setEvaluationSteps(-1),
            "parameters.evaluation_steps: is -1, but must be from 0 to 100000000"),
        parameters(
            p -> p.setCheckpointSteps(-1),
            "parameters.checkpoint_steps: is -1, but must be from 0 to 100000000"),
        parameters(
            p -> p.setCheckpointInterval(Duration.newBuilder().setSeconds(86_401)),
            "parameters.checkpoint_interval: is 86401 s, but must be from 0 s to 86400 s"),
        parameters(
            p -> p.setCheckpointInterval(Duration.newBuilder().setNanos(-5)),
            "parameters.checkpoint_interval: is -0.000000005 s, but must be from 0 s to 86400 s"),
        parameters(
            p -> p.setKeepCheckpoints(0),
            "parameters.keep_checkpoints: is 0, but must be from 1 to 1000"),
        parameters(
            p -> p.setPatience(3),
            "parameters.patience: is 3, but without evaluation_steps there is no evaluation in between to wait for: set both"),
        parameters(
            p -> p.setOverfitBatches(1001),
            "parameters.overfit_batches: is 1001, but must be from 0 to 1000"),
        parameters(
            p -> p.getLoraBuilder().setRank(0),
            "parameters.lora.rank: is 0, but must be from 1 to 1024"),
        parameters(
            p -> p.getLoraBuilder().setAlpha(0),
            "parameters.lora.alpha: is 0.0, but must be above 0"),
        parameters(
            p -> p.getLoraBuilder().setDropout(1),
            "parameters.lora.dropout: is 1.0, but must be at least 0 and below 1"));
  }

  private static Stream<Malformed> choices() {
    return Stream.of(
        parameters(
            p -> p.setPreset("best"), "parameters.preset: is 'best': use default, scratch or seed"),
        parameters(
            p -> p.setScheduleValue(9),
            "parameters.schedule: is the unknown number 9: use LINEAR, COSINE, CONSTANT or NOAM"),
        parameters(
            p -> p.setLabelPolicyValue(9),
            "parameters.label_policy: is the unknown number 9: use ALL, REPLIES, ASSISTANT, LAST or PADDED"),
        parameters(
            p -> p.setPrecision("int8"),
            "parameters.precision: is 'int8': use auto, fp32, bf16 or fp16"),
        parameters(p -> p.setDevice("tpu"), "parameters.device: is 'tpu': use auto, cpu or cuda:N"),
        parameters(
            p -> p.setPromotionValue(9),
            "parameters.promotion: is the unknown number 9: use NEVER, IF_BETTER or ALWAYS"),
        parameters(
            p -> p.setDirectionValue(9),
            "parameters.direction: is the unknown number 9: use FORWARD or BACKWARD"),
        parameters(
            p -> p.getLoraBuilder().addTargets("c_proj"),
            "parameters.lora.targets[0]: is 'c_proj': use attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj"),
        parameters(
            p -> p.getLoraBuilder().addTargets("mlp.c_fc").addTargets("mlp.c_fc"),
            "parameters.lora.targets[1]: is 'mlp.c_fc' once more: name each projection once"));
  }

  private static Malformed request(Consumer<TrainRequest.Builder> change, String message) {
    TrainRequest.Builder request = TestJobs.steps("parley-tiny", "shop", 10);
    change.accept(request);
    return new Malformed(request.build(), message);
  }

  private static Malformed parameters(Consumer<TrainingParameters.Builder> change, String message) {
    return request(request -> change.accept(request.getParametersBuilder()), message);
  }

  private static DataSource path(String path) {
    return DataSource.newBuilder().setPath(path).build();
  }

  private static DataSource dataset(String digest) {
    return DataSource.newBuilder().setDataset(digest).build();
  }

  /** One dialogue. */
  private static DataSource inline(DialogueTurn... turns) {
    return DataSource.newBuilder()
        .setInline(
            InlineDialogues.newBuilder()
                .addDialogues(Dialogue.newBuilder().addAllTurns(List.of(turns))))
        .build();
  }

  private static DialogueTurn turn(String role, String text) {
    return DialogueTurn.newBuilder().setRole(role).setText(text).build();
  }
}
