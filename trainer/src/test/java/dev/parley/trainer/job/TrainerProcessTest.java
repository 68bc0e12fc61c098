package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
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
  private static final TrainerProcess.Resources SMALL = new TrainerProcess.Resources(1, 256);

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
  void destroy_runningJob_cancelsItAtAStep() throws Exception {
    JobDirectory job = JobDirectory.create(test.home, endless());
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    awaitSteps(job, 2);
    assertThat(job.isRunning()).isTrue();

    process.destroy(); // SIGTERM

    assertThat(process.waitFor()).isZero();
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
    List<TrainingUpdate> updates = job.events().read(1);
    assertThat(updates.get(updates.size() - 1).getCancelled().getStep())
        .isEqualTo(updates.get(updates.size() - 2).getStep().getStep());
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
    assertThat(process.waitFor()).isZero();
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
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
  void destroyForcibly_runningJob_leavesAReadableLogAndAFreeJob() throws Exception {
    JobDirectory job = JobDirectory.create(test.home, endless());
    process = TrainerProcess.launch(test.home, job.id(), SMALL);
    awaitSteps(job, 2);

    process.destroyForcibly().waitFor(); // SIGKILL

    assertThat(job.isRunning()).isFalse();
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_RUNNING);
    TrainingJob.run(test.home, job.id(), update -> {}, () -> false);
    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FAILED);
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
