package dev.parley.server.training;

import com.google.protobuf.Timestamp;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.trainer.job.JobState;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
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
  private volatile long sequenceAtStart;

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

  boolean interrupted() {
    return snapshot.getState() == TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED;
  }

  /** Such as INTERRUPTED. */
  String stateName() {
    return snapshot.getState().name().replace("TRAINING_JOB_STATE_", "");
  }

  /** As {@link JobState#foreground}. */
  synchronized boolean foreground() {
    return state.foreground();
  }

  /** As {@link JobState#held}. */
  synchronized boolean held() {
    return state.held();
  }

  /** As {@link JobState#deaths}. */
  synchronized int deaths() {
    return state.deaths();
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
    sequenceAtStart = snapshot.getLastSequence();
    process = trainer;
  }

  /** Whether the process that was started here is gone and has not written a single update. */
  boolean diedSilently() {
    return process != null && snapshot.getLastSequence() == sequenceAtStart;
  }

  boolean processRuns() {
    Process trainer = process;
    return (trainer != null && trainer.isAlive()) || directory.isRunning();
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
