package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import dev.parley.model.hub.HubListener;
import dev.parley.model.registry.Direction;
import dev.parley.model.registry.Lineage;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.sink.SinkSettings;
import dev.parley.v1.DataSource;
import dev.parley.v1.JobFinished;
import dev.parley.v1.JobStarted;
import dev.parley.v1.LabelPolicy;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingDirection;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingParameters;
import dev.parley.v1.TrainingUpdate;
import dev.parley.v1.TrainingUpdate.UpdateCase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TrainingJobTest {
  @TempDir Path directory;
  private TestHome test;

  @BeforeAll
  static void useOneThread() {
    Torch.setThreads(1);
  }

  @BeforeEach
  void makeHome() throws IOException {
    test = new TestHome(directory);
  }

  @Test
  void run_goodRequest_writesEveryUpdateAndRegistersAVersionWithItsLineage() {
    TrainRequest request = test.request().addSamplePrompts("one").build();
    JobDirectory job = JobDirectory.create(test.home, request);
    List<TrainingUpdate> seen = new ArrayList<>();

    TrainingJobState state = TrainingJob.run(test.home, job.id(), seen::add, () -> false);

    assertThat(state).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(seen).isEqualTo(job.events().read(1));
    assertThat(seen)
        .extracting(TrainingUpdate::getUpdateCase)
        .containsExactly(
            UpdateCase.CREATED,
            UpdateCase.STARTED,
            UpdateCase.EVALUATION,
            UpdateCase.STEP,
            UpdateCase.STEP,
            UpdateCase.STEP,
            UpdateCase.STEP,
            UpdateCase.EVALUATION,
            UpdateCase.FINISHED);
    JobStarted started = seen.get(1).getStarted();
    assertThat(started.getTrainingDialogues()).isEqualTo(3);
    assertThat(started.getEvaluationDialogues()).isEqualTo(1);
    assertThat(started.getTotalSteps()).isEqualTo(4);
    assertThat(started.getParameters().getAllFields()).hasSize(24);
    assertThat(seen.get(2).getEvaluation().getSamples(0).getPrompt()).isEqualTo("one");

    JobFinished finished = seen.get(8).getFinished();
    assertThat(finished.getLossAfter()).isLessThan(finished.getLossBefore());
    assertThat(finished.getLossBefore()).isCloseTo(Math.log(50257), within(0.2));
    assertThat(finished.getPromoted()).isTrue();
    Registry registry = new Registry(test.home.resolve("registry"));
    RegisteredVersion version = registry.resolve("shop");
    registry.verify(version);
    Lineage lineage = version.manifest().lineage();
    assertThat(version.version()).isEqualTo(finished.getVersion()).isEqualTo(1);
    assertThat(lineage.origin()).isEqualTo("trained");
    assertThat(lineage.base()).isEqualTo(test.base.toString());
    assertThat(lineage.baseWeightsSha256()).hasSize(64);
    assertThat(lineage.dataSha256()).hasSize(64);
    assertThat(lineage.jobId()).isEqualTo(job.id());
    assertThat(lineage.seed()).isEqualTo(42);
    assertThat(lineage.parameters()).containsEntry("learning_rate", "0.05");
    assertThat(lineage.metrics()).containsEntry("loss_after", finished.getLossAfter());
  }

  @Test
  void run_sinksThatFail_areSaidOnceAndTheTrainingGoesOn() throws IOException {
    JobDirectory job = JobDirectory.create(test.home, test.request().build());
    Files.writeString(job.path().resolve("tensorboard"), "in the way");

    TrainingJobState state =
        TrainingJob.run(
            test.home,
            job.id(),
            update -> {},
            () -> false,
            new SinkSettings(true, Optional.of("databricks"), Map.of()));

    assertThat(state).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(job.events().read(1))
        .filteredOn(TrainingUpdate::hasWarning)
        .extracting(update -> update.getWarning().getReason())
        .containsExactlyInAnyOrder("TENSORBOARD_FAILED", "MLFLOW_FAILED");
  }

  @Test
  void run_goodRequest_writesATensorBoardFile() throws IOException {
    JobDirectory job = run(test.request().build());

    try (Stream<Path> files = Files.list(job.path().resolve("tensorboard"))) {
      assertThat(files)
          .singleElement()
          .satisfies(
              file -> {
                assertThat(file.getFileName().toString()).startsWith("events.out.tfevents.");
                assertThat(file).isNotEmptyFile();
              });
    }
  }

  @Test
  void run_backward_isInTheLineageAndKeepsToAModelOfItsOwn() {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setDirection(TrainingDirection.TRAINING_DIRECTION_BACKWARD);
    run(request.build());
    JobDirectory forward = run(test.request().build());

    Registry registry = new Registry(test.home.resolve("registry"));
    Lineage lineage = registry.resolve("shop").manifest().lineage();
    assertThat(lineage.direction()).isEqualTo(Direction.BACKWARD);
    assertThat(lineage.parameters()).containsEntry("direction", "TRAINING_DIRECTION_BACKWARD");
    assertThat(registry.versions("shop")).containsExactly(1);
    List<TrainingUpdate> updates = forward.events().read(1);
    Status status = updates.get(updates.size() - 1).getFailed().getStatus();
    assertThat(status.getCode()).isEqualTo(Code.INVALID_ARGUMENT_VALUE);
    assertThat(status.getMessage()).contains("shop, which has BACKWARD versions");
    assertThat(Direction.of(registry.resolve("shop").directory())).isEqualTo(Direction.BACKWARD);
    assertThat(Direction.of(test.base)).isEqualTo(Direction.FORWARD);
  }

  @Test
  void run_sameRequestTwice_givesTheSameWeightsDigest() {
    run(test.request().build());
    run(test.request().build());

    Registry registry = new Registry(test.home.resolve("registry"));
    assertThat(registry.resolve("shop@2").manifest().weightsSha256())
        .isEqualTo(registry.resolve("shop@1").manifest().weightsSha256());
  }

  @Test
  void run_heapEndsAfterTheFirstSteps_jobWaitsWithTheRemedy_andGoesOn() {
    JobDirectory job = JobDirectory.create(test.home, test.request().build());
    Consumer<TrainingUpdate> fullHeap =
        update -> {
          if (update.hasStep() && update.getStep().getStep() == 2) {
            throw new OutOfMemoryError("Java heap space");
          }
        };

    TrainingJobState state = TrainingJob.run(test.home, job.id(), fullHeap, () -> false);

    assertThat(state).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
    assertThat(job.state().held()).isTrue();
    assertThat(job.job().getError().getMessage())
        .contains("is too small for this data (Java heap space)")
        .contains("--trainer-memory")
        .endsWith("and resume the job");
    assertThat(TrainingJob.run(test.home, job.id(), update -> {}, () -> false))
        .isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
  }

  @Test
  void run_endedJob_changesNothing() {
    JobDirectory job = run(test.request().build());
    long updates = job.job().getLastSequence();

    TrainingJob.run(test.home, job.id(), update -> {}, () -> false);

    assertThat(job.job().getLastSequence()).isEqualTo(updates);
  }

  @Test
  void run_alreadyRunning_isRefusedAndLeavesTheLogAlone() {
    JobDirectory job = JobDirectory.create(test.home, test.request().build());
    try (EventLog.Writer writer = job.events().open(Clock.systemUTC())) {
      assertThat(job.isRunning()).isTrue();
      assertThatThrownBy(() -> TrainingJob.run(test.home, job.id(), update -> {}, () -> false))
          .isInstanceOf(EventLog.LogInUseException.class);
      assertThat(writer.lastSequence()).isEqualTo(1);
    }
    assertThat(job.isRunning()).isFalse();
  }

  @Test
  void run_cancelledAfterTwoSteps_registersNothingAndLeavesAUsableCheckpoint() {
    JobDirectory job = JobDirectory.create(test.home, test.request().build());
    Consumer<TrainingUpdate> afterTwo =
        update -> {
          if (update.getStep().getStep() == 2) {
            job.requestCancel();
          }
        };

    TrainingJob.run(test.home, job.id(), afterTwo, () -> false);

    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
    assertThat(job.events().read(job.job().getLastSequence()).get(0).getCancelled().getStep())
        .isEqualTo(2);
    assertThat(job.job().getCheckpointStep()).isEqualTo(2);
    assertThat(new Registry(test.home.resolve("registry")).models()).isEmpty();
    Path checkpoint = job.checkpoints().resolve("2");
    JobDirectory next = run(test.request().setBaseModel(checkpoint.toString()).build());
    assertThat(finished(next).getLossBefore()).isNotCloseTo(Math.log(50257), within(0.01));
  }

  @Test
  void run_cancelRequestedBeforeItStarts_endsAtOnce() {
    JobDirectory job = JobDirectory.create(test.home, test.request().build());
    job.requestCancel();

    TrainingJob.run(test.home, job.id(), update -> {}, () -> false);

    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
    assertThat(job.job().getLastSequence()).isEqualTo(2);
  }

  @Test
  void run_enormousLearningRate_failsWithATypedReason() {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setLearningRate(1e30).setMaxGradNorm(0).setMaxSteps(50);

    assertFailed(run(request.build()), Code.ABORTED, "TRAINING_DIVERGED", "lower the learning");
  }

  @Test
  void run_divergedAfterAGoodEvaluation_leavesThoseWeightsBehind() {
    TrainRequest.Builder request = test.request();
    request
        .getParametersBuilder()
        .setLearningRate(1e18) // the warm-up begins at 0: step 1 leaves the base as it is
        .setWarmupSteps(1)
        .setMaxGradNorm(0)
        .setEvaluationSteps(1)
        .setMaxSteps(50);

    JobDirectory job = run(request.build());

    assertFailed(job, Code.ABORTED, "TRAINING_DIVERGED", "lower the learning");
    List<TrainingUpdate> checkpoints =
        job.events().read(1).stream().filter(TrainingUpdate::hasCheckpoint).toList();
    assertThat(checkpoints).hasSize(1);
    Path checkpoint = Path.of(checkpoints.get(0).getCheckpoint().getPath());
    assertThat(checkpoint).startsWith(job.checkpoints().toAbsolutePath());
    JobDirectory next = run(test.request().setBaseModel(checkpoint.toString()).build());
    assertThat(finished(next).getLossBefore()).isCloseTo(Math.log(50257), within(0.2));
  }

  @Test
  void run_brokenFile_failsWithItsProblemsBeforeAnyStep() throws IOException {
    Path file = directory.resolve("a.csv");
    Files.writeString(file, "question,answer\na,b\n");
    TrainRequest.Builder request = test.request();
    request.setData(0, DataSource.newBuilder().setPath(file.toString()));

    JobDirectory job = run(request.build());

    assertFailed(job, Code.INVALID_ARGUMENT, "INVALID_DATA", "found the columns question, answer");
    assertThat(job.job().getLastSequence()).isEqualTo(2);
  }

  @Test
  void run_unknownDataset_saysHowToUploadIt() {
    TrainRequest.Builder request = test.request();
    request.setData(0, DataSource.newBuilder().setDataset("sha256:" + "0".repeat(64)));

    assertFailed(run(request.build()), Code.INVALID_ARGUMENT, "INVALID_DATA", "UploadDataset");
  }

  @Test
  void run_unknownBase_failsWithNotFound() {
    assertFailed(
        run(test.request().setBaseModel("nobody").build()),
        Code.NOT_FOUND,
        "MODEL_NOT_FOUND",
        "nobody");
  }

  @Test
  void run_fp16OnCpu_namesTheRemedy() {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setPrecision("fp16").setDevice("cpu");

    assertFailed(
        run(request.build()), Code.INVALID_ARGUMENT, "INVALID_REQUEST", "use fp32 or bf16");
  }

  @Test
  void run_lengthBeyondContext_namesTheLimit() {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setMaxLength(33);

    assertFailed(
        run(request.build()), Code.INVALID_ARGUMENT, "INVALID_REQUEST", "context has 32 tokens");
  }

  @Test
  void run_bf16_trainsToo() {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setPrecision("bf16");

    JobFinished finished = finished(run(request.build()));

    assertThat(finished.getLossAfter()).isLessThan(finished.getLossBefore());
  }

  @Test
  void run_presetSeed_countsPaddingBesideTheHonestLoss() {
    TrainRequest.Builder request = test.request();
    request
        .setParameters(
            TrainingParameters.newBuilder()
                .setPreset("seed")
                .setMaxSteps(30)
                .setLearningRate(0.05)
                .setMaxLength(24)
                .setDevice("cpu"))
        .addEvaluationData(request.getData(0));

    JobDirectory job = run(request.build());

    assertThat(evaluations(job)).hasSize(2);
    for (TrainingUpdate update : evaluations(job)) {
      assertThat(update.getEvaluation().getLabelPolicy()).isEqualTo(LabelPolicy.LABEL_POLICY_ALL);
      assertThat(update.getEvaluation().getTargetTokens()).isEqualTo(4 * 3);
      assertThat(update.getEvaluation().hasLossWithPadding()).isTrue();
    }
    double honest = evaluations(job).get(1).getEvaluation().getLoss();
    assertThat(honest).isLessThan(1);
    // 20 of 23 labels are padding, which is not learned.
    assertThat(evaluations(job).get(1).getEvaluation().getLossWithPadding()).isGreaterThan(honest);
  }

  @Test
  void run_secondVersion_isPromotedByItsRule() {
    run(test.request().build());

    JobFinished worse = finished(run(withSteps(1, PromotionPolicy.PROMOTION_POLICY_UNSPECIFIED)));
    assertThat(worse.getPromoted()).isFalse();
    assertThat(worse.getPromotionReason()).contains("is above version 1's");
    assertThat(current()).isEqualTo(1);

    JobFinished better = finished(run(withSteps(8, PromotionPolicy.PROMOTION_POLICY_IF_BETTER)));
    assertThat(better.getPromoted()).isTrue();
    assertThat(better.getPromotionReason()).contains("is not above version 1's");
    assertThat(current()).isEqualTo(3);

    assertThat(finished(run(withSteps(8, PromotionPolicy.PROMOTION_POLICY_NEVER))).getPromoted())
        .isFalse();
    assertThat(current()).isEqualTo(3);
    assertThat(finished(run(withSteps(1, PromotionPolicy.PROMOTION_POLICY_ALWAYS))).getPromoted())
        .isTrue();
    assertThat(current()).isEqualTo(5);
  }

  @Test
  void run_presentDefaultIsDamaged_theNewVersionIsRegisteredAndWaits() throws IOException {
    run(test.request().build());
    Path weights = test.home.resolve("registry/shop/1/model.safetensors");
    Files.write(weights, Arrays.copyOf(Files.readAllBytes(weights), 100));

    JobFinished second = finished(run(withSteps(1, PromotionPolicy.PROMOTION_POLICY_IF_BETTER)));

    assertThat(second.getVersion()).isEqualTo(2);
    assertThat(second.getPromoted()).isFalse();
    assertThat(second.getPromotionReason())
        .startsWith("version 1 could not be evaluated: ")
        .contains("model.safetensors");
    assertThat(current()).isEqualTo(1);
  }

  @Test
  void dryRun_goodRequest_marksTheLearnedTokens() {
    DryRun dryRun = DryRun.of(test.home, test.request().build(), 2, HubListener.NONE);

    assertThat(dryRun.examples()).hasSize(2);
    assertThat(dryRun.examples().get(0))
        .contains(new DryRun.Piece("yes<|endoftext|>", true))
        .first()
        .satisfies(piece -> assertThat(piece.text()).endsWith("<|endoftext|>"))
        .satisfies(piece -> assertThat(piece.learned()).isFalse());
    assertThat(dryRun.totalSteps()).isEqualTo(4);
    assertThat(dryRun.trainingDialogues()).isEqualTo(3);
    assertThat(dryRun.targetShare()).isBetween(0.5, 0.7);
    assertThat(JobDirectory.list(test.home)).isEmpty();
  }

  private TrainRequest withSteps(int steps, PromotionPolicy promotion) {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setMaxSteps(steps).setPromotion(promotion);
    return request.build();
  }

  private int current() {
    return new Registry(test.home.resolve("registry")).resolve("shop").version();
  }

  private JobDirectory run(TrainRequest request) {
    JobDirectory job = JobDirectory.create(test.home, request);
    TrainingJob.run(test.home, job.id(), update -> {}, () -> false);
    return job;
  }

  private static JobFinished finished(JobDirectory job) {
    TrainingUpdate last = job.events().read(job.job().getLastSequence()).get(0);
    assertThat(last.getUpdateCase()).as("%s", last).isEqualTo(UpdateCase.FINISHED);
    return last.getFinished();
  }

  private static List<TrainingUpdate> evaluations(JobDirectory job) {
    return job.events().read(1).stream().filter(TrainingUpdate::hasEvaluation).toList();
  }

  private void assertFailed(JobDirectory job, Code code, String reason, String message) {
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FAILED);
    Status error = job.job().getError();
    assertThat(error.getMessage()).contains(message);
    assertThat(error.getCode()).isEqualTo(code.getNumber());
    try {
      assertThat(error.getDetails(0).unpack(ErrorInfo.class).getReason()).isEqualTo(reason);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
    assertThat(new Registry(test.home.resolve("registry")).models()).isEmpty();
  }
}
