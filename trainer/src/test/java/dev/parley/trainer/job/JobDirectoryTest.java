package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JobDirectoryTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-01-02T03:04:05Z"), ZoneOffset.UTC);
  private static final TrainRequest REQUEST =
      TrainRequest.newBuilder().setBaseModel("base").setModelName("shop").build();

  @TempDir Path home;

  @Test
  void create_request_isThereWholeWithItsFirstUpdate() {
    JobDirectory job = JobDirectory.create(home, REQUEST, CLOCK);

    assertThat(job.id()).startsWith("20260102-030405-");
    JobDirectory again = JobDirectory.open(home, job.id());
    assertThat(again.spec()).isEqualTo(REQUEST);
    assertThat(again.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_CREATED);
    assertThat(again.job().getRequest()).isEqualTo(REQUEST);
    assertThat(again.job().getLastSequence()).isEqualTo(1);
    assertThat(again.checkpoints()).isEmptyDirectory();
    assertThat(again.isRunning()).isFalse();
  }

  @Test
  void create_request_isOnTheDiskBeforeTheClientIsAnswered() {
    List<String> synced = new ArrayList<>();
    JobDirectory.Disk disk =
        path -> {
          boolean visible = !JobDirectory.list(home).isEmpty();
          String name = String.valueOf(path.getFileName());
          synced.add(
              (name.startsWith(".new-") ? ".new-" : name) + (visible ? " after" : " before"));
        };

    JobDirectory.create(home, REQUEST, CLOCK, false, disk);
    JobDirectory.create(
        home, REQUEST.toBuilder().setIdempotencyKey("k").build(), CLOCK, false, disk);

    assertThat(synced)
        .containsExactly(
            home.getFileName() + " before",
            ".new- before",
            "jobs after",
            ".new- after", // the first one is visible
            "jobs after");
  }

  /** Whoever created it may have been killed before the name was on the disk. */
  @Test
  void create_sameIdempotencyKey_isOnTheDiskBeforeEitherIsAnswered() {
    TrainRequest request = REQUEST.toBuilder().setIdempotencyKey("k").build();
    JobDirectory.create(home, request, CLOCK);
    List<Path> synced = new ArrayList<>();

    JobDirectory.create(home, request, CLOCK, false, synced::add);

    assertThat(synced).containsExactly(home.resolve("jobs"));
  }

  @Test
  void create_diskRefusesTheName_leavesNothingBehind() {
    JobDirectory.Disk disk =
        path -> {
          if (path.endsWith("jobs")) {
            throw new IOException("Input/output error");
          }
        };

    assertThatThrownBy(() -> JobDirectory.create(home, REQUEST, CLOCK, false, disk))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("Input/output error");
    assertThat(home.resolve("jobs")).isEmptyDirectory();
  }

  @Test
  void create_sameIdempotencyKey_isTheSameJob() {
    TrainRequest request = REQUEST.toBuilder().setIdempotencyKey("../k y").build();

    JobDirectory first = JobDirectory.create(home, request);
    JobDirectory second = JobDirectory.create(home, request);

    assertThat(second.id()).isEqualTo(first.id());
    assertThat(JobDirectory.list(home)).hasSize(1);
  }

  @Test
  void list_aJobWhoseLogIsDamaged_comesLast() throws IOException {
    JobDirectory damaged = JobDirectory.create(home, REQUEST);
    JobDirectory whole = JobDirectory.create(home, REQUEST);
    Files.writeString(damaged.path().resolve("events.jsonl"), "{broken\n{}\n");

    assertThat(JobDirectory.list(home))
        .extracting(JobDirectory::id)
        .containsExactly(whole.id(), damaged.id());
  }

  @Test
  void create_homeThatIsAFile_leavesNothingBehind() throws IOException {
    Path file = home.resolve("file");
    Files.writeString(file, "x");

    assertThatThrownBy(() -> JobDirectory.create(file, REQUEST))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("job cannot be created in " + file.resolve("jobs"));
    assertThat(file).hasContent("x");
  }

  /** As on a full disk: the last file cannot be written. */
  @Test
  void create_failsMidway_leavesNothingBehind() {
    AtomicInteger reads = new AtomicInteger();
    Clock clock =
        new Clock() {
          @Override
          public Instant instant() {
            if (reads.incrementAndGet() > 1) { // the first names the job, the second is an update's
              throw new UncheckedIOException(new IOException("No space left on device"));
            }
            return CLOCK.instant();
          }

          @Override
          public ZoneId getZone() {
            return CLOCK.getZone();
          }

          @Override
          public Clock withZone(ZoneId zone) {
            return this;
          }
        };

    assertThatThrownBy(() -> JobDirectory.create(home, REQUEST, clock))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("No space left");
    assertThat(home.resolve("jobs")).isEmptyDirectory();
  }

  @Test
  void open_unknownOrDangerousId_isRefused() {
    JobDirectory.create(home, REQUEST);

    for (String id : new String[] {"none", "", "..", "../jobs", "a/b", "a\0b"}) {
      assertThatThrownBy(() -> JobDirectory.open(home, id))
          .isInstanceOf(NoSuchElementException.class)
          .hasMessageContaining("training job '" + id + "' does not exist");
    }
  }

  @Test
  void list_severalJobs_isNewestFirst() {
    JobDirectory old = JobDirectory.create(home, REQUEST, CLOCK);
    JobDirectory newer =
        JobDirectory.create(
            home,
            REQUEST.toBuilder().setIdempotencyKey("k").build(),
            Clock.offset(CLOCK, Duration.ofSeconds(1)));
    JobDirectory newest =
        JobDirectory.create(home, REQUEST, Clock.offset(CLOCK, Duration.ofSeconds(2)));

    assertThat(JobDirectory.list(home))
        .extracting(JobDirectory::id)
        .containsExactly(newest.id(), newer.id(), old.id());
    assertThat(JobDirectory.list(home.resolve("other"))).isEmpty();
  }

  @Test
  void fail_jobThatNobodyRuns_endsItOnce() {
    JobDirectory job = JobDirectory.create(home, REQUEST);
    Status status = Status.newBuilder().setCode(Code.ABORTED_VALUE).setMessage("died").build();

    assertThat(job.fail(status)).isTrue();
    assertThat(job.fail(status)).isFalse();

    assertThat(job.job().getState()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FAILED);
    assertThat(job.job().getError()).isEqualTo(status);
    assertThat(job.job().getLastSequence()).isEqualTo(2);
  }

  @Test
  void requestCancel_anyProcess_isSeen() {
    JobDirectory job = JobDirectory.create(home, REQUEST);
    assertThat(job.cancelRequested()).isFalse();

    job.requestCancel();
    job.requestCancel();

    assertThat(JobDirectory.open(home, job.id()).cancelRequested()).isTrue();
  }
}
