package dev.parley.server.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.server.engine.Settled;
import dev.parley.server.ops.TestJobs;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingJobsTest {
  private static final String DAMAGE = "{broken\n{}\n";

  @TempDir private Path home;

  @Test
  void construct_jobWhoseLogIsDamaged_isLeftOut() throws Exception {
    JobDirectory damaged = create("a", 1);
    JobDirectory whole = create("b", 2);
    Files.writeString(damaged.path().resolve("events.jsonl"), DAMAGE);

    try (TrainingJobs jobs = new TrainingJobs(home, id -> process(), 1, (job, update) -> {})) {
      assertThat(jobs.list()).extracting(TrainingJob::getJobId).containsExactly(whole.id());
    }
  }

  @Test
  void look_logIsDamagedWhileItsJobRuns_theNextJobRuns_andItIsTriedAgain() throws Exception {
    JobDirectory first = create("a", 1);
    JobDirectory second = create("b", 2);
    TrainerLauncher launcher =
        id -> {
          if (id.equals(first.id())) {
            damage(id);
          }
          return process();
        };
    try (TrainingJobs jobs = new TrainingJobs(home, launcher, 1, (job, update) -> {})) {
      jobs.start();

      Settled.until(() -> state(jobs, second) == TrainingJobState.TRAINING_JOB_STATE_FAILED);
      assertThat(state(jobs, first)).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CREATED);

      try (FileChannel log = FileChannel.open(log(first.id()), StandardOpenOption.WRITE)) {
        log.truncate(log.size() - DAMAGE.length()); // at once: a look never sees half of it
      }

      Settled.until(() -> state(jobs, first) == TrainingJobState.TRAINING_JOB_STATE_FAILED);
    }
  }

  @Test
  void cancel_jobThatWaits_whoWatchesItIsTold() {
    JobDirectory job = create("a", 1);
    AtomicInteger told = new AtomicInteger();
    try (TrainingJobs jobs = new TrainingJobs(home, id -> process(), 1, (j, update) -> {})) {
      jobs.news().add(told::incrementAndGet);

      assertThat(jobs.cancel(job.id()).orElseThrow().getState())
          .isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);

      assertThat(told).hasValue(1);
    }
  }

  private JobDirectory create(String model, long second) {
    Clock clock = Clock.fixed(Instant.ofEpochSecond(second), ZoneOffset.UTC);
    return JobDirectory.create(home, TestJobs.endless(model).build(), clock);
  }

  private static TrainingJobState state(TrainingJobs jobs, JobDirectory job) {
    return jobs.get(job.id()).orElseThrow().getState();
  }

  private Path log(String id) {
    return JobDirectory.open(home, id).path().resolve("events.jsonl");
  }

  private void damage(String id) {
    try {
      Files.writeString(log(id), DAMAGE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A real process that ends without a word in the log. */
  private static Process process() {
    try {
      Path java = Path.of(System.getProperty("java.home"), "bin", "java");
      return new ProcessBuilder(java.toString(), "-version").start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
