package dev.parley.server.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.server.engine.Settled;
import dev.parley.server.ops.TestJobs;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.JobInterrupted;
import dev.parley.v1.JobResumed;
import dev.parley.v1.JobStarted;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingJobsTest {
  private static final String DAMAGE = "{broken\n{}\n";

  private static final JobInterrupted HELD = JobInterrupted.newBuilder().setHeld(true).build();

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
    AtomicBoolean damaged = new AtomicBoolean();
    TrainerLauncher launcher =
        id -> {
          if (id.equals(first.id()) && damaged.compareAndSet(false, true)) {
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
  void look_trainerDiesAgainAndAgain_failsAfterABoundedNumber() {
    JobDirectory job = create("a", 1);
    AtomicInteger launches = new AtomicInteger();
    TrainerLauncher launcher =
        id -> {
          launches.incrementAndGet();
          return process();
        };
    try (TrainingJobs jobs = new TrainingJobs(home, launcher, 1, (j, update) -> {})) {
      jobs.start();

      Settled.until(() -> state(jobs, job) == TrainingJobState.TRAINING_JOB_STATE_FAILED);

      assertThat(launches).hasValue(TrainingJobs.MOST_DEATHS);
      assertThat(jobs.get(job.id()).orElseThrow().getError().getMessage())
          .contains("died 4 times without a new checkpoint");
    }
  }

  @Test
  void look_jobOfAnotherProcess_isFollowedAndNeverStarted() throws Exception {
    Files.createDirectories(home.resolve("jobs/archive")); // no job: it is passed over
    AtomicInteger launches = new AtomicInteger();
    TrainerLauncher launcher =
        id -> {
          launches.incrementAndGet();
          return process();
        };
    try (TrainingJobs jobs = new TrainingJobs(home, launcher, 1, (j, update) -> {})) {
      jobs.start();

      JobDirectory job = JobDirectory.createForeground(home, TestJobs.endless("a").build());
      Settled.until(() -> jobs.get(job.id()).isPresent());
      try (EventLog.Writer writer = job.events().open(Clock.systemUTC())) {
        writer.append(
            TrainingUpdate.newBuilder().setStarted(JobStarted.newBuilder().setTotalSteps(9)));
        Settled.until(() -> state(jobs, job) == TrainingJobState.TRAINING_JOB_STATE_RUNNING);
      } // as if its process had died

      Settled.until(() -> state(jobs, job) == TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
      assertThat(launches).hasValue(0);
      assertThat(jobs.cancel(job.id()).orElseThrow().getState())
          .isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
    }
  }

  @Test
  void look_jobThatAnotherProcessCreated_waitsBehindThoseThatWait() {
    JobDirectory first = create("a", 1);
    try (TrainingJobs jobs = new TrainingJobs(home, id -> process(), 1, (j, update) -> {})) {
      jobs.stopLaunching();
      jobs.start();
      JobDirectory second = create("b", 2);

      Settled.until(() -> jobs.get(second.id()).isPresent());

      assertThat(jobs.get(first.id()).orElseThrow().getQueuePosition()).isEqualTo(1);
      assertThat(jobs.get(second.id()).orElseThrow().getQueuePosition()).isEqualTo(2);
    }
  }

  /** Between its last word and its end a process still holds the log's lock. */
  @Test
  void resume_processStillWindsUp_goesOnOnceItIsGone() {
    AtomicInteger launches = new AtomicInteger();
    TrainerLauncher launcher =
        id -> {
          launches.incrementAndGet();
          return process();
        };
    JobDirectory job = create("a", 1);
    EventLog.Writer writer = job.events().open(Clock.systemUTC());
    try (TrainingJobs jobs = new TrainingJobs(home, launcher, 1, (j, update) -> {})) {
      writer.append(TrainingUpdate.newBuilder().setInterrupted(HELD));
      jobs.start();
      Settled.until(() -> state(jobs, job) == TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);

      jobs.resume(job.id());
      assertThat(launches).hasValue(0);
      writer.close();

      Settled.until(() -> launches.get() > 0);
    }
  }

  /** The second of two calls in a row finds the job about to run: it is no order for later. */
  @Test
  void resume_twice_goesOnOnce() {
    JobDirectory job = create("a", 1);
    append(job, TrainingUpdate.newBuilder().setInterrupted(HELD));
    AtomicInteger launches = new AtomicInteger();
    AtomicReference<Process> trainer = new AtomicReference<>();
    AtomicReference<TrainingJobs> server = new AtomicReference<>();
    TrainerLauncher launcher =
        id -> {
          if (!id.equals(job.id())) {
            throw new IllegalStateException("another job's turn");
          }
          launches.incrementAndGet();
          server.get().resume(id);
          append(job, TrainingUpdate.newBuilder().setResumed(JobResumed.getDefaultInstance()));
          append(job, TrainingUpdate.newBuilder().setInterrupted(HELD));
          trainer.set(process());
          return trainer.get();
        };
    try (TrainingJobs jobs = new TrainingJobs(home, launcher, 1, (j, update) -> {})) {
      server.set(jobs);
      jobs.resume(job.id());
      jobs.start();
      Settled.until(() -> trainer.get() != null && !trainer.get().isAlive());

      for (int later = 2; later <= 3; later++) { // the second one's turn is behind any of the first
        JobDirectory other = create("b", later);
        Settled.until(() -> jobs.get(other.id()).isPresent());
        Settled.until(() -> state(jobs, other) == TrainingJobState.TRAINING_JOB_STATE_FAILED);
      }
      assertThat(state(jobs, job)).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
      assertThat(launches).hasValue(1);
    }
  }

  @Test
  void cancel_processStillWindsUp_endsOnceItIsGone() {
    JobDirectory job = create("a", 1);
    EventLog.Writer writer = job.events().open(Clock.systemUTC());
    try (TrainingJobs jobs = new TrainingJobs(home, id -> process(), 1, (j, update) -> {})) {
      writer.append(TrainingUpdate.newBuilder().setInterrupted(HELD));
      jobs.start();
      Settled.until(() -> state(jobs, job) == TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);

      assertThat(jobs.cancel(job.id()).orElseThrow().getState())
          .isEqualTo(TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED);
      writer.close();

      Settled.until(() -> state(jobs, job) == TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
    }
  }

  @Test
  void cancel_jobThatWaitsWhileItsLogIsInUse_waitsOnAndEndsWhenItIsLookedAt() {
    JobDirectory job = create("a", 1);
    try (TrainingJobs jobs = new TrainingJobs(home, id -> process(), 1, (j, update) -> {})) {
      EventLog.Writer other = job.events().open(Clock.systemUTC());
      assertThat(jobs.cancel(job.id()).orElseThrow().getQueuePosition()).isEqualTo(1);
      other.close();
      jobs.start();

      Settled.until(() -> state(jobs, job) == TrainingJobState.TRAINING_JOB_STATE_CANCELLED);
    }
  }

  @Test
  void stopLaunching_jobsWait() {
    JobDirectory first = create("a", 1);
    JobDirectory second = create("b", 2);
    try (TrainingJobs jobs = new TrainingJobs(home, id -> process(), 1, (j, update) -> {})) {
      jobs.stopLaunching();
      jobs.start();

      assertThat(jobs.get(first.id()).orElseThrow().getQueuePosition()).isEqualTo(1);
      assertThat(jobs.get(second.id()).orElseThrow().getQueuePosition()).isEqualTo(2);
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

  private static void append(JobDirectory job, TrainingUpdate.Builder update) {
    try (EventLog.Writer writer = job.events().open(Clock.systemUTC())) {
      writer.append(update);
    }
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
