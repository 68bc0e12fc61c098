package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.parley.model.registry.Registry;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.loop.CheckpointStore;
import dev.parley.trainer.sink.SinkSettings;
import dev.parley.v1.DataSource;
import dev.parley.v1.JobStarted;
import dev.parley.v1.JobWarning;
import dev.parley.v1.Lora;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Jobs that are broken off and go on. Equal weights means equal digests of model.safetensors; with
 * one thread here, since another number of threads rounds otherwise.
 */
final class ResumeTest {
  private static final int STEPS = 100;

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

  /** Three dialogues, one a micro-batch, two micro-batches a step: an epoch is two steps. */
  private TrainRequest request(String precision) {
    TrainRequest.Builder request = test.request();
    request
        .getParametersBuilder()
        .setMaxSteps(STEPS)
        .setBatchSize(1)
        .setGradientAccumulation(2)
        .setDropout(0.2)
        .setLearningRate(0.01)
        .setEvaluationSteps(20)
        .setCheckpointSteps(7)
        .setPrecision(precision);
    return request.build();
  }

  @ParameterizedTest
  @ValueSource(strings = {"fp32", "bf16"})
  void run_brokenOff_givesTheSameWeightsBitForBit(String precision) {
    long seed = System.nanoTime();
    System.out.println("ResumeTest seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    TrainRequest request = request(precision);

    JobDirectory straight = JobDirectory.create(test.home, request);
    go(straight);
    JobDirectory halves = JobDirectory.create(test.home, request);
    interruptAt(halves, step -> step == 50);
    assertState(halves, TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
    assertThat(halves.job().getCheckpointStep()).isEqualTo(50);
    go(halves);
    JobDirectory killed = JobDirectory.create(test.home, request);
    for (int kill = 0; kill < 3; kill++) {
      int length = 1 + random.nextInt(30); // from where it stands
      killAfter(killed, length);
    }
    go(killed);

    assertThat(digest(2)).isEqualTo(digest(1));
    assertThat(digest(3)).isEqualTo(digest(1));
    assertThat(killed.job().getResumes()).isEqualTo(3);
    for (JobDirectory job : List.of(straight, halves, killed)) {
      assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
      assertGapless(job);
      assertThat(last(job).getFinished().getLossAfter())
          .isEqualTo(last(straight).getFinished().getLossAfter());
      assertThat(job.checkpoints()).isEmptyDirectory();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4}) // the last step's weights; the best evaluation's
  void run_adaptersBrokenOff_givesTheSameWeightsBitForBit(int evaluationSteps) {
    TrainRequest.Builder builder = request("fp32").toBuilder();
    builder
        .getParametersBuilder()
        .setMaxSteps(10)
        .setEvaluationSteps(evaluationSteps)
        .setCheckpointSteps(3)
        .setLora(Lora.newBuilder().setRank(4).setDropout(0.1));
    TrainRequest request = builder.build();

    JobDirectory straight = JobDirectory.create(test.home, request);
    go(straight);
    JobDirectory halves = JobDirectory.create(test.home, request);
    interruptAt(halves, step -> step == 5);
    assertThat(halves.job().getCheckpointStep()).isEqualTo(5);
    go(halves);
    JobDirectory killed = JobDirectory.create(test.home, request);
    killAfter(killed, 8);
    go(killed);

    assertThat(resumedAt(halves)).isEqualTo(5);
    assertThat(resumedAt(killed)).isEqualTo(6);
    assertThat(digest(2)).isEqualTo(digest(1));
    assertThat(digest(3)).isEqualTo(digest(1));
    assertThat(last(straight).getFinished().getLossAfter())
        .isLessThan(last(straight).getFinished().getLossBefore());
    assertThat(step(1)).as("step of the registered weights").isGreaterThan(6);
  }

  @Test
  void run_interruptedWhileASinkFails_interruptionIsTheLastWord() {
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(0));
    SinkSettings sinks = SinkSettings.of(Map.of()).withMlflow("no address");

    TrainingJob.run(test.home, job.id(), update -> {}, () -> true, sinks);
    assertThat(last(job).hasInterrupted()).isTrue();
    TrainingJob.run(test.home, job.id(), update -> {}, () -> false, sinks);

    assertThat(warning(job).getReason()).isEqualTo("MLFLOW_FAILED");
    assertThat(job.path().resolve("tensorboard")).isNotEmptyDirectory();
    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
  }

  @Test
  void run_killedBeforeAnyCheckpoint_beginsAgain() {
    TrainRequest request = withCheckpoints(0);
    go(JobDirectory.create(test.home, request));
    JobDirectory job = JobDirectory.create(test.home, request);
    killAfter(job, 3);

    go(job);

    assertThat(digest(2)).isEqualTo(digest(1));
    assertThat(job.job().getResumes()).isEqualTo(1);
    List<TrainingUpdate> resumed =
        job.events().read(1).stream().dropWhile(update -> !update.hasResumed()).limit(3).toList();
    assertThat(resumed.get(0).getResumed().getStep()).isZero();
    assertThat(resumed.get(1).hasStarted()).isTrue();
    assertThat(resumed.get(2).getEvaluation().getStep()).isZero();
  }

  @Test
  void run_processDiedBeforeItsFirstStep_saysSoAndGoesOn() {
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(0));
    try (EventLog.Writer writer = job.events().open(Clock.systemUTC())) {
      writer.append(TrainingUpdate.newBuilder().setStarted(JobStarted.getDefaultInstance()));
    }

    go(job);

    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(reason(job.events().read(3).get(0).getInterrupted().getCause()))
        .isEqualTo("TRAINER_DIED");
  }

  @Test
  void run_newestCheckpointDamaged_takesTheOneBeforeAndSaysSo() throws IOException {
    go(JobDirectory.create(test.home, withCheckpoints(2)));
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(2));
    killAfter(job, 7);
    Path moments = job.checkpoints().resolve("6/optimizer.safetensors");
    byte[] bytes = Files.readAllBytes(moments);
    bytes[bytes.length / 2] ^= 1;
    Files.write(moments, bytes);

    go(job);

    JobWarning warning = warning(job);
    assertThat(warning.getReason()).isEqualTo("CHECKPOINT_DAMAGED");
    assertThat(warning.getMessage()).contains("optimizer.safetensors has the SHA-256");
    assertThat(warning.getStep()).isEqualTo(6);
    assertThat(resumedAt(job)).isEqualTo(4);
    assertThat(digest(2)).isEqualTo(digest(1));
  }

  @Test
  void run_everyCheckpointDamaged_beginsAgain() throws IOException {
    go(JobDirectory.create(test.home, withCheckpoints(2)));
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(2));
    killAfter(job, 7);
    Files.delete(job.checkpoints().resolve("6/SHA256SUMS"));
    Files.delete(job.checkpoints().resolve("4/model.safetensors"));

    go(job);

    assertThat(resumedAt(job)).isZero();
    assertThat(digest(2)).isEqualTo(digest(1));
  }

  @Test
  void run_halfWrittenCheckpoint_isNeverReadAndGoesAway() throws IOException {
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(2));
    killAfter(job, 3);
    Path half = Files.createDirectory(job.checkpoints().resolve(".new-half"));
    Files.write(half.resolve("model.safetensors"), new byte[100]);

    interruptAt(job, step -> step == 4);

    assertThat(resumedAt(job)).isEqualTo(2);
    assertThat(half).doesNotExist();
    go(job);
    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
  }

  @Test
  void run_diskRefusesCheckpoints_saysSoAndFinishes() throws IOException {
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(4));
    Files.delete(job.checkpoints());
    Files.writeString(job.checkpoints(), "a file where the directory belongs");

    go(job);

    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(warning(job).getReason()).isEqualTo("CHECKPOINT_FAILED");
    assertThat(warning(job).getMessage()).contains("step 4", "training goes on");
  }

  @Test
  void run_registryRefuses_keepsTheWorkUntilItIsResumed() throws IOException {
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(4));
    Path registry = test.home.resolve("registry");
    Files.createDirectories(registry);
    Files.writeString(registry.resolve("shop"), "a file where the model belongs");

    go(job);

    assertState(job, TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
    assertThat(last(job).getInterrupted().getHeld()).isTrue();
    assertThat(reason(job.job().getError())).isEqualTo("STORAGE_FAILED");
    assertThat(job.job().getCheckpointStep()).isEqualTo(8);
    Files.delete(registry.resolve("shop"));
    go(job);
    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(resumedAt(job)).isEqualTo(8);
    assertThat(new Registry(registry).versions("shop")).containsExactly(1);
  }

  @Test
  void run_killedAfterRegistering_registersNothingTwice() throws IOException {
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(4));
    go(job);
    Path log = job.path().resolve("events.jsonl");
    List<String> lines = Files.readAllLines(log);
    Files.write(log, lines.subList(0, lines.size() - 1)); // killed before its last line

    go(job);

    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(last(job).getFinished().getVersion()).isEqualTo(1);
    assertThat(last(job).getFinished().getPromoted()).isTrue();
    assertThat(new Registry(test.home.resolve("registry")).versions("shop")).containsExactly(1);
  }

  @Test
  void run_dataChangedMeanwhile_failsAndSaysWhat() throws IOException {
    Path data = directory.resolve("data.tsv");
    Files.writeString(data, "context\tresponse\na\tb\nc\td\ne\tf\n");
    TrainRequest.Builder request = withCheckpoints(2).toBuilder();
    request.clearData().addData(DataSource.newBuilder().setPath(data.toString()));
    JobDirectory job = JobDirectory.create(test.home, request.build());
    killAfter(job, 3);
    Files.writeString(data, "g\th\n", StandardOpenOption.APPEND);

    go(job);

    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FAILED);
    assertThat(reason(job.job().getError())).isEqualTo("JOB_CHANGED");
    assertThat(job.job().getError().getMessage()).contains("the training data (was");
  }

  @Test
  void run_baseIsAnAliasThatMoved_goesOnFromTheOldOne() {
    go(JobDirectory.create(test.home, withCheckpoints(0)));
    JobDirectory job =
        JobDirectory.create(test.home, withCheckpoints(2).toBuilder().setBaseModel("shop").build());
    killAfter(job, 3);
    go(JobDirectory.create(test.home, withCheckpoints(0)));
    new Registry(test.home.resolve("registry")).setAlias("shop", "default", 2);

    go(job);

    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(
            new Registry(test.home.resolve("registry"))
                .resolve("shop@3")
                .manifest()
                .lineage()
                .base())
        .isEqualTo("shop@1");
  }

  @Test
  void run_interruptedForegroundJob_isHeld() {
    JobDirectory job = JobDirectory.createForeground(test.home, withCheckpoints(0));

    interruptAt(job, step -> step == 2);

    assertThat(last(job).getInterrupted().getHeld()).isTrue();
    assertThat(last(job).getInterrupted().getCheckpointStep()).isEqualTo(2);
  }

  @Test
  void run_keep_leavesTheNewestAndTheBest() throws IOException {
    TrainRequest.Builder request = withCheckpoints(1).toBuilder();
    request.getParametersBuilder().setKeepCheckpoints(3).setEvaluationSteps(3);
    JobDirectory job = JobDirectory.create(test.home, request.build());

    go(job);

    CheckpointStore store = new CheckpointStore(job.checkpoints(), directory -> {});
    assertThat(store.steps()).startsWith(8, 7, 6);
    assertThat(store.steps().size()).isLessThanOrEqualTo(4); // and the best where it is older
  }

  @Test
  void run_threadsChanged_warns() {
    JobDirectory job = JobDirectory.create(test.home, withCheckpoints(2));
    killAfter(job, 3);
    Torch.setThreads(2);
    try {
      go(job);
    } finally {
      Torch.setThreads(1);
    }

    assertThat(warning(job).getReason()).isEqualTo("THREADS_CHANGED");
    assertState(job, TrainingJobState.TRAINING_JOB_STATE_FINISHED);
  }

  /** Eight steps, no checkpoint by time. */
  private TrainRequest withCheckpoints(int steps) {
    TrainRequest.Builder request = test.request();
    request
        .getParametersBuilder()
        .setMaxSteps(8)
        .setCheckpointSteps(steps)
        .setCheckpointInterval(Duration.getDefaultInstance());
    return request.build();
  }

  private void go(JobDirectory job) {
    TrainingJob.run(test.home, job.id(), update -> {}, () -> false);
  }

  private void interruptAt(JobDirectory job, IntPredicate stop) {
    int[] step = new int[1];
    TrainingJob.run(
        test.home,
        job.id(),
        update -> step[0] = update.hasStep() ? update.getStep().getStep() : step[0],
        () -> stop.test(step[0]));
  }

  /** What kill -9 leaves behind: the log ends in the middle, and nothing is saved. */
  private void killAfter(JobDirectory job, int steps) {
    long past = job.job().getLastSequence();
    int[] made = new int[1];
    Consumer<TrainingUpdate> killer =
        update -> {
          if (update.getSequence() > past && update.hasStep() && ++made[0] == steps) {
            throw new Killed();
          }
        };
    assertThatThrownBy(() -> TrainingJob.run(test.home, job.id(), killer, () -> false))
        .isInstanceOf(Killed.class);
    assertState(job, TrainingJobState.TRAINING_JOB_STATE_RUNNING);
  }

  private static final class Killed extends Error {
    private static final long serialVersionUID = 1;
  }

  private String digest(int version) {
    return new Registry(test.home.resolve("registry"))
        .resolve("shop@" + version)
        .manifest()
        .weightsSha256();
  }

  /** The step whose weights a version has. */
  private double step(int version) {
    return new Registry(test.home.resolve("registry"))
        .resolve("shop@" + version)
        .manifest()
        .lineage()
        .metrics()
        .getOrDefault("step", 0.0);
  }

  private static TrainingUpdate last(JobDirectory job) {
    return job.events().read(job.job().getLastSequence()).get(0);
  }

  private static int resumedAt(JobDirectory job) {
    return job.events().read(1).stream()
        .filter(TrainingUpdate::hasResumed)
        .findFirst()
        .orElseThrow()
        .getResumed()
        .getStep();
  }

  private static JobWarning warning(JobDirectory job) {
    return job.events().read(1).stream()
        .filter(TrainingUpdate::hasWarning)
        .findFirst()
        .orElseThrow()
        .getWarning();
  }

  private static void assertState(JobDirectory job, TrainingJobState state) {
    assertThat(job.job().getState()).as("%s", last(job)).isEqualTo(state);
  }

  private static void assertGapless(JobDirectory job) {
    List<TrainingUpdate> updates = job.events().read(1);
    assertThat(updates)
        .extracting(TrainingUpdate::getSequence)
        .containsExactlyElementsOf(LongStream.rangeClosed(1, updates.size()).boxed().toList());
  }

  private static String reason(com.google.rpc.Status status) {
    try {
      return status.getDetails(0).unpack(ErrorInfo.class).getReason();
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }
}
