package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.text.Tokenizer;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A trainer whose writes fail in the middle of a file. A full disk cannot be had everywhere without
 * being root; a limit on the size of a process's files can, and is as real: write(2) fails.
 */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "it has no limit on the size of files")
final class FullDiskTest {
  /** In units of 512 bytes: the log and the small files fit, the weights of 1.6 MB do not. */
  private static final int LIMIT = (1 << 20) / 512;

  @TempDir Path directory;

  @Test
  void train_weightsCannotBeWritten_nothingIsRegistered_jobWaitsForRoom() throws Exception {
    TestHome test = new TestHome(directory);
    Tokenizer.load(test.base).close(); // what is unpacked at the first use is larger than the limit
    JobDirectory job = JobDirectory.create(test.home, test.request().build());
    Registry registry = new Registry(test.home.resolve("registry"));

    assertThat(limited(test, job).waitFor()).isNotZero();

    assertThat(job.job().getState())
        .as("%s", job.job())
        .isEqualTo(TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
    assertThat(job.job().getError().getMessage())
        .contains("training is done, but its version cannot be registered")
        .contains("File too large")
        .contains("then resume the job");
    assertThat(registry.models()).isEmpty();
    assertThat(registry.root().resolve(".staging")).isEmptyDirectory();

    Process roomy =
        TrainerProcess.launch(test.home, job.id(), new TrainerProcess.Resources(1, 256, 0));
    assertThat(roomy.waitFor()).isZero();

    List<TrainingUpdate> updates = job.events().read(1);
    assertThat(updates.get(updates.size() - 1).getFinished().getVersion()).isEqualTo(1);
    RegisteredVersion version = registry.resolve("shop");
    registry.verify(version);
  }

  private static Process limited(TestHome test, JobDirectory job) throws Exception {
    ProcessBuilder trainer =
        new ProcessBuilder(
            "/bin/sh",
            "-c",
            "ulimit -f " + LIMIT + " && exec \"$@\"",
            "limited",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            TrainerMain.class.getName(),
            "--home",
            test.home.toString(),
            "--job",
            job.id(),
            "--threads",
            "1");
    trainer.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    trainer.environment().put("OMP_NUM_THREADS", "1");
    return trainer
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(job.log().toFile()))
        .start();
  }
}
