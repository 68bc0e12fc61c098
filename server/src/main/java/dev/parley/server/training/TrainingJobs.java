package dev.parley.server.training;

import com.google.rpc.Status;
import dev.parley.server.rpc.Signals;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.JobCancelled;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The training jobs of a home: starts them one after the other, follows their event logs, and
 * writes down the end of those whose process died without a word. Thread-safe.
 *
 * <p>The event logs are the truth; what is kept here can be read from them again, so a server may
 * stop at any moment. Trainers are left running then: the next server finds a job's log locked by
 * its writer and follows it, or finds it unlocked and unfinished and marks the job failed.
 *
 * <p>One thread looks at every running job ten times a second. All changes of jobs happen on it.
 */
public final class TrainingJobs implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainingJobs.class);

  /** A step of the smallest model takes about as long. */
  private static final Duration LOOK = Duration.ofMillis(100);

  private final Path home;
  private final TrainerLauncher launcher;
  private final int concurrency;
  private final TrainingListener listener;
  private final Map<String, FollowedJob> jobs = new ConcurrentHashMap<>();
  private final Deque<FollowedJob> waiting = new ArrayDeque<>(); // guarded by this
  private final List<FollowedJob> running = new ArrayList<>(); // guarded by this

  /** Could not be followed at the last look; they count as running no more. Guarded by this. */
  private final Set<FollowedJob> aside = new LinkedHashSet<>();

  private final Signals news = new Signals();
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "training-jobs");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * Finds the jobs of a home. Nothing runs before {@link #start}; then those that have not ended go
   * on, oldest first.
   *
   * @param concurrency how many run at once
   */
  public TrainingJobs(
      Path home, TrainerLauncher launcher, int concurrency, TrainingListener listener) {
    this.home = home;
    this.launcher = launcher;
    this.concurrency = concurrency;
    this.listener = listener;
    synchronized (this) {
      for (JobDirectory directory : JobDirectory.list(home)) {
        adopt(directory);
      }
    }
  }

  /** Begins to look after jobs and to start those that wait. */
  public void start() {
    Future<?> unused = // it ends with the executor
        thread.scheduleWithFixedDelay(this::look, 0, LOOK.toMillis(), TimeUnit.MILLISECONDS);
  }

  private synchronized void adopt(JobDirectory directory) {
    FollowedJob job = new FollowedJob(directory);
    try {
      job.follow((state, update) -> {});
    } catch (RuntimeException e) {
      log.error("training job {} cannot be read and is left out", directory.id(), e);
      return;
    }
    jobs.put(job.id(), job);
    if (job.ended()) {
      return;
    }
    if (directory.isRunning()) {
      log.info("training job {} runs on in its own process", job.id());
      running.add(job);
    } else if (job.snapshot().getState() == TrainingJobState.TRAINING_JOB_STATE_CREATED) {
      waiting.addFirst(job); // the list is newest first
    } else {
      running.add(job); // and the first look marks it failed
    }
  }

  /**
   * Writes a job down and lets it run when its turn comes. The same idempotency key gives the same
   * job.
   *
   * @param request as RequestChecks accepts it
   */
  public TrainingJob submit(TrainRequest request) {
    JobDirectory directory = JobDirectory.create(home, request);
    FollowedJob job;
    synchronized (this) {
      FollowedJob known = jobs.get(directory.id());
      if (known != null) {
        return known.snapshot();
      }
      job = new FollowedJob(directory);
      job.follow(listener);
      jobs.put(job.id(), job);
      waiting.addLast(job);
    }
    log.info(
        "training job {} created: {} from {}",
        job.id(),
        request.getModelName(),
        request.getBaseModel());
    return job.snapshot();
  }

  /** A job as it stands, without its inline dialogues. */
  public Optional<TrainingJob> get(String id) {
    return Optional.ofNullable(jobs.get(id)).map(FollowedJob::snapshot);
  }

  /** Every job as it stands, newest first. */
  public List<TrainingJob> list() {
    return jobs.values().stream()
        .map(FollowedJob::snapshot)
        .sorted(FollowedJob.NEWEST_FIRST)
        .toList();
  }

  /** How many jobs are in each state. */
  public Map<TrainingJobState, Integer> countByState() {
    Map<TrainingJobState, Integer> counts = new EnumMap<>(TrainingJobState.class);
    jobs.values().forEach(job -> counts.merge(job.snapshot().getState(), 1, Integer::sum));
    return counts;
  }

  /** The event log of a job that exists. */
  public Optional<EventLog> events(String id) {
    return Optional.ofNullable(jobs.get(id)).map(job -> job.directory().events());
  }

  /**
   * Asks a job to stop. One that waits ends at once, one that runs at its next step; one that has
   * ended stays as it is.
   */
  public Optional<TrainingJob> cancel(String id) {
    FollowedJob job = jobs.get(id);
    if (job == null) {
      return Optional.empty();
    }
    synchronized (this) {
      if (!job.ended()) {
        job.directory().requestCancel();
        log.info("training job {} is asked to stop", id);
        if (waiting.remove(job)) {
          try (EventLog.Writer events = job.directory().events().open(Clock.systemUTC())) {
            events.append(TrainingUpdate.newBuilder().setCancelled(JobCancelled.newBuilder()));
          }
          job.follow(listener);
        }
      }
    }
    news.send(); // who watches a job that waited hears its end now
    return Optional.of(job.snapshot());
  }

  /** Whether nothing can follow in a job's log any more; true where there is no such job. */
  public boolean ended(String id) {
    FollowedJob job = jobs.get(id);
    return job == null || job.ended();
  }

  /** An update as readers see it: without inline dialogues. */
  public static TrainingUpdate shown(TrainingUpdate update) {
    return InlineData.leaveOut(update);
  }

  /** Sent after each look that found something new. */
  public Signals news() {
    return news;
  }

  private void look() {
    try {
      boolean found = false;
      for (FollowedJob job : followed()) {
        found |= lookOrPutAside(job);
      }
      found |= startWaiting();
      if (found) {
        news.send();
      }
    } catch (Throwable e) { // an error, too, would end the looking for good, without a word
      log.error("looking after training jobs failed; it goes on", e);
    }
  }

  /** A job that cannot be looked after now is looked at again, and keeps no other one waiting. */
  private boolean lookOrPutAside(FollowedJob job) {
    try {
      return look(job);
    } catch (RuntimeException e) {
      synchronized (this) {
        running.remove(job);
        if (aside.add(job)) {
          log.error("training job {} cannot be followed; it is tried again", job.id(), e);
        }
      }
      return false;
    }
  }

  private synchronized List<FollowedJob> followed() {
    return Stream.concat(running.stream(), aside.stream()).toList();
  }

  private boolean look(FollowedJob job) {
    boolean gone = !job.processRuns(); // before reading: its last line is written before it goes
    boolean found = job.follow(listener);
    if (gone && !job.ended()) {
      Status status = JobEnds.died(job.exitCode(), job.directory().log());
      job.directory().fail(status);
      log.error("training job {} failed: {}", job.id(), status.getMessage());
      found |= job.follow(listener);
    }
    if (gone) {
      log.info("training job {} ended: {}", job.id(), job.snapshot().getState());
      synchronized (this) {
        running.remove(job);
        aside.remove(job);
      }
    }
    return found;
  }

  private boolean startWaiting() {
    boolean found = false;
    while (true) {
      FollowedJob job;
      synchronized (this) {
        if (running.size() >= concurrency || waiting.isEmpty()) {
          return found;
        }
        job = waiting.removeFirst();
        running.add(job);
      }
      found = true;
      try {
        job.started(launcher.launch(job.id()));
        log.info("training job {} starts", job.id());
      } catch (RuntimeException e) {
        job.directory().fail(JobEnds.notStarted(e));
        log.error("training job {} cannot be started", job.id(), e);
      }
    }
  }

  /** Stops looking. Trainers go on. */
  @Override
  public void close() {
    thread.shutdownNow();
  }
}
