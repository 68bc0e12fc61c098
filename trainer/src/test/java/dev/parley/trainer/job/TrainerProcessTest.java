package dev.parley.trainer.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.Code;
import dev.parley.v1.CheckpointWritten;
import dev.parley.v1.DataSource;
import dev.parley.v1.JobInterrupted;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Real child processes. */
@Timeout(120)
final class TrainerProcessTest {
  private static final TrainerProcess.Resources SMALL = new TrainerProcess.Resources(1, 256, 5);

  @TempDir Path directory;
  private TestHome test;
  private @Nullable Process process;

  @BeforeEach
  void makeHome() throws IOException {
    test = new TestHome(directory);
  }

  @AfterEach
  void endProcess() {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  @Test
  void launch_shortJob_finishesAndExitsWithZero() throws Exception {
    JobDirectory job = JobDirectory.create(test.home, test.request().build());

    process = TrainerProcess.launch(test.home, job.id(), SMALL);

    assertThat(process.waitFor()).as(Files.readString(job.log())).isZero();
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(job.isRunning()).isFalse();
  }

  @Test
  void launch_failingJob_exitsWithOne() throws Exception {
    JobDirectory job =
        JobDirectory.create(test.home, test.request().setBaseModel("nobody").build());

    process = TrainerProcess.launch(test.home, job.id(), SMALL);

    assertThat(process.waitFor()).isEqualTo(1);
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FAILED);
  }

  @Test
  void launch_dataLargerThanItsHeap_failsAtOnceAndSaysTheRemedy() throws Exception {
    Path data = directory.resolve("large.jsonl");
    try (BufferedWriter out = Files.newBufferedWriter(data)) {
      for (int i = 0; i < 400_000; i++) {
        out.write(
            "{\"messages\":[{\"role\":\"user\",\"content\":\"question %d\"},{\"role\":\"assistant\",\"content\":\"answer %d\"}]}%n"
                .formatted(i, i));
      }
    }
    JobDirectory job =
        JobDirectory.create(
            test.home,
            test.request()
                .clearData()
                .addData(DataSource.newBuilder().setPath(data.toString()))
                .build());

    process = TrainerProcess.launch(test.home, job.id(), new TrainerProcess.Resources(1, 64, 5));

    assertThat(process.waitFor()).as(Files.readString(job.log())).isEqualTo(1);
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FAILED);
    assertThat(job.job().getError().getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED_VALUE);
    assertThat(job.job().getError().getMessage())
        .contains("the trainer's Java heap of ")
        .contains("is too small for this data")
        .contains("parley serve --trainer-memory");
  }

  @Test
  void destroy_runningJob_interruptsItAtAStepWithACheckpoint() throws Exception {
    JobDirectory job = JobDirectory.create(test.home, endless());
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    awaitSteps(job, 2);
    assertThat(job.isRunning()).isTrue();

    process.destroy(); // SIGTERM

    assertThat(process.waitFor()).isEqualTo(TrainerMain.INTERRUPTED);
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
    List<TrainingUpdate> updates = job.events().read(1);
    JobInterrupted interrupted = updates.get(updates.size() - 1).getInterrupted();
    CheckpointWritten checkpoint = updates.get(updates.size() - 2).getCheckpoint();
    StepFinished step = updates.get(updates.size() - 3).getStep();
    assertThat(interrupted.getStep()).isEqualTo(step.getStep());
    assertThat(interrupted.getCheckpointStep()).isEqualTo(step.getStep());
    assertThat(interrupted.hasCause()).isFalse();
    assertThat(interrupted.getHeld()).isFalse();
    assertThat(checkpoint.getStep()).isEqualTo(step.getStep());
    assertThat(Path.of(checkpoint.getPath())).isDirectory();
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void launch_signalsOfTheTerminal_doNotReachTheJob() throws Exception {
    JobDirectory job = JobDirectory.create(test.home, endless());
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    awaitSteps(job, 1);

    for (String signal : List.of("-INT", "-HUP")) {
      assertThat(new ProcessBuilder("kill", signal, "" + process.pid()).start().waitFor()).isZero();
      awaitSteps(job, job.job().getStep() + 3);
    }

    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
    process.destroy(); // SIGTERM goes through
    assertThat(process.waitFor()).isEqualTo(TrainerMain.INTERRUPTED);
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
  }

  @Test
  void requestCancel_runningJobOfAnotherProcess_cancelsIt() throws Exception {
    JobDirectory job = JobDirectory.create(test.home, endless());
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    awaitSteps(job, 1);

    job.requestCancel();

    assertThat(process.waitFor()).isZero();
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void launch_niceness_isThatOfTheProcess() throws Exception {
    JobDirectory job = JobDirectory.create(test.home, endless());
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    awaitSteps(job, 1);

    Process ps = new ProcessBuilder("ps", "-o", "ni=", "-p", "" + process.pid()).start();
    int niceness = Integer.parseInt(new String(ps.getInputStream().readAllBytes(), UTF_8).strip());
    Process own =
        new ProcessBuilder("ps", "-o", "ni=", "-p", "" + ProcessHandle.current().pid()).start();
    int before = Integer.parseInt(new String(own.getInputStream().readAllBytes(), UTF_8).strip());

    assertThat(niceness).isEqualTo(Math.min(19, before + SMALL.niceness()));
  }

  @Test
  void destroyForcibly_runningJob_itGoesOnFromItsCheckpoint() throws Exception {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setMaxSteps(60).setCheckpointSteps(3).setKeepCheckpoints(1);
    JobDirectory job = JobDirectory.create(test.home, request.build());
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    awaitSteps(job, 4);

    process.destroyForcibly().waitFor(); // SIGKILL

    assertThat(job.isRunning()).isFalse();
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    assertThat(process.waitFor()).as(Files.readString(job.log())).isZero();
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    assertThat(job.job().getResumes()).isEqualTo(1);
  }

  private TrainRequest endless() {
    TrainRequest.Builder request = test.request();
    request.getParametersBuilder().setMaxSteps(1_000_000);
    return request.build();
  }

  private void awaitSteps(JobDirectory job, int steps) throws Exception {
    while (job.job().getStep() < steps) {
      assertThat(process == null || process.waitFor(20, TimeUnit.MILLISECONDS))
          .as("the trainer ended early")
          .isFalse();
    }
  }
}
