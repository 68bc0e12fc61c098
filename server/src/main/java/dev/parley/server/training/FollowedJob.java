package dev.parley.server.training;

import com.google.protobuf.Timestamp;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.trainer.job.JobState;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingUpdate;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A job whose event log is read as it grows. Thread-safe. */
final class FollowedJob {
  private static final Logger log = LoggerFactory.getLogger(FollowedJob.class);

  /** By time of creation, the newest first. */
  static final Comparator<TrainingJob> NEWEST_FIRST =
      Comparator.<TrainingJob>comparingLong(job -> nanos(job.getCreateTime()))
          .thenComparing(TrainingJob::getJobId)
          .reversed();

  /** Updates that are read in one go. */
  private static final int BATCH = 256;

  private final JobDirectory directory;
  private final EventLog.Tail tail;
  private final JobState state = new JobState();
  private volatile TrainingJob snapshot = TrainingJob.getDefaultInstance();
  private volatile @Nullable Process process;

  FollowedJob(JobDirectory directory) {
    this.directory = directory;
    this.tail = directory.events().tail(1);
  }

  String id() {
    return directory.id();
  }

  JobDirectory directory() {
    return directory;
  }

  /** The job as it stood when it was last followed, without its inline dialogues. */
  TrainingJob snapshot() {
    return snapshot;
  }

  boolean ended() {
    return JobState.isFinal(snapshot.getState());
  }

  /** Reads what is new; whether anything was. */
  synchronized boolean follow(TrainingListener listener) {
    boolean news = false;
    while (true) {
      List<TrainingUpdate> updates = tail.poll(BATCH);
      if (updates.isEmpty()) {
        return news;
      }
      news = true;
      for (TrainingUpdate update : updates) {
        TrainingUpdate shown = InlineData.leaveOut(update);
        state.apply(shown);
        snapshot = state.job();
        tell(listener, shown);
      }
    }
  }

  private void tell(TrainingListener listener, TrainingUpdate update) {
    try {
      listener.updated(snapshot, update);
    } catch (Throwable e) { // what only looks on must not lose us the updates after this one
      log.error("a listener failed at update {} of job {}", update.getSequence(), id(), e);
    }
  }

  void started(Process trainer) {
    process = trainer;
  }

  boolean processRuns() {
    Process trainer = process;
    return trainer == null ? directory.isRunning() : trainer.isAlive();
  }

  /** Absent while the process runs, and where another server started it. */
  OptionalInt exitCode() {
    Process trainer = process;
    return trainer == null || trainer.isAlive()
        ? OptionalInt.empty()
        : OptionalInt.of(trainer.exitValue());
  }

  private static long nanos(Timestamp time) {
    return time.getSeconds() * 1_000_000_000L + time.getNanos();
  }
}
