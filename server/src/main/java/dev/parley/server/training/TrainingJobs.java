package dev.parley.server.training;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.parley.server.rpc.RpcException;
import dev.parley.server.rpc.Signals;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
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
 * The training jobs of a home: starts them one after the other, follows their event logs, writes
 * down that a process died without a word, and lets such a job go on from its newest checkpoint,
 * before those that wait. Thread-safe.
 *
 * <p>The event logs are the truth; what is kept here can be read from them again, so a server may
 * stop at any moment. Trainers are left running then: the next server finds a job's log locked by
 * its writer and follows it, or finds it unlocked and unfinished and lets the job go on.
 *
 * <p>A job whose trainer dies {@value #MOST_DEATHS} times without a new checkpoint in between
 * fails. Jobs that another process runs ({@code parley train} in the same home) are followed, and
 * never started unless someone resumes them.
 *
 * <p>One thread looks at every running job ten times a second. All changes of jobs happen on it.
 */
public final class TrainingJobs implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainingJobs.class);

  /** A step of the smallest model takes about as long. */
  private static final Duration LOOK = Duration.ofMillis(100);

  /** Looks between two at what other processes do: new jobs of theirs, and the jobs they run. */
  private static final int FOREIGN_LOOKS = 10;

  /** Once may be the system's fault, twice bad luck; after that it is the job's. */
  static final int MOST_DEATHS = 4;

  private final Path home;
  private final TrainerLauncher launcher;
  private final int concurrency;
  private final TrainingListener listener;
  private final Map<String, FollowedJob> jobs = new ConcurrentHashMap<>();
  private final Deque<FollowedJob> waiting = new ArrayDeque<>(); // guarded by this
  private final List<FollowedJob> running = new ArrayList<>(); // guarded by this

  /** Could not be followed at the last look; they count as running no more. Guarded by this. */
  private final Set<FollowedJob> aside = new LinkedHashSet<>();

  /** Not this server's to run: others run them, or nobody until someone resumes them. */
  private final Set<FollowedJob> foreign = new LinkedHashSet<>(); // guarded by this

  /**
   * Asked to go on while the process that was interrupted still wound up, with the number of their
   * last update then: they wait for their turn once it is gone, unless something else let them go
   * on meanwhile. Guarded by this.
   */
  private final Map<FollowedJob, Long> wanted = new HashMap<>();

  private final Set<String> unreadable = ConcurrentHashMap.newKeySet();
  private volatile boolean launching = true;
  private int looks;
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
        adopt(directory, (job, update) -> {}, true);
      }
    }
  }

  /** Begins to look after jobs and to start those that wait. */
  public void start() {
    Future<?> unused = // it ends with the executor
        thread.scheduleWithFixedDelay(this::look, 0, LOOK.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Starts nothing from now on; those that run are followed. */
  public void stopLaunching() {
    launching = false;
  }

  /**
   * Takes a job in.
   *
   * @param before whether it goes before those that wait: at the start, when the newest comes first
   */
  private synchronized void adopt(JobDirectory directory, TrainingListener told, boolean before) {
    FollowedJob job = new FollowedJob(directory);
    try {
      job.follow(told);
    } catch (RuntimeException e) {
      unreadable.add(directory.id());
      log.error("training job {} cannot be read and is left out", directory.id(), e);
      return;
    }
    jobs.put(job.id(), job);
    if (job.ended()) {
      return;
    }
    boolean runs = directory.isRunning();
    if (job.foreground() || (!runs && job.interrupted() && job.held())) {
      foreign.add(job);
    } else if (runs) {
      log.info("training job {} runs on in its own process", job.id());
      running.add(job);
    } else if (job.interrupted()
        || job.snapshot().getState() == TrainingJobState.TRAINING_JOB_STATE_CREATED) {
      if (before) {
        waiting.addFirst(job);
      } else {
        waiting.addLast(job);
      }
    } else {
      running.add(job); // and the first look finds its process gone
    }
  }

  /** Takes in the jobs that another process created. */
  private void findNew() {
    for (String id : JobDirectory.ids(home)) {
      if (!jobs.containsKey(id) && !unreadable.contains(id)) {
        synchronized (this) {
          if (!jobs.containsKey(id)) { // not one that was submitted meanwhile
            try {
              adopt(JobDirectory.open(home, id), listener, false);
            } catch (NoSuchElementException e) { // something else lies there
              unreadable.add(id);
              log.warn("{} is left out: {}", id, e.getMessage());
            }
          }
        }
      }
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
    return Optional.ofNullable(jobs.get(id)).map(this::placed);
  }

  /** Every job as it stands, newest first. */
  public List<TrainingJob> list() {
    return jobs.values().stream().map(this::placed).sorted(FollowedJob.NEWEST_FIRST).toList();
  }

  /** With its place in the queue. */
  private synchronized TrainingJob placed(FollowedJob job) {
    int position = 1;
    for (FollowedJob other : waiting) {
      if (other == job) {
        return job.snapshot().toBuilder().setQueuePosition(position).build();
      }
      position++;
    }
    return job.snapshot();
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
        if ((waiting.contains(job) || foreign.contains(job)) && endAtOnce(job)) {
          waiting.remove(job);
        }
      }
    }
    news.send(); // who watches a job that waited hears its end now
    return Optional.of(placed(job));
  }

  /** Where someone has its log in hand, the job ends when it is looked at or started next. */
  private boolean endAtOnce(FollowedJob job) {
    try {
      boolean unused = job.directory().cancel();
    } catch (EventLog.LogInUseException e) {
      return false;
    }
    job.follow(listener);
    return true;
  }

  /**
   * Lets an interrupted job go on, behind those that wait already. One that waits stays where it
   * is; one whose process is about to end goes on once that is gone.
   *
   * @throws RpcException FAILED_PRECONDITION if it is not interrupted
   */
  public Optional<TrainingJob> resume(String id) {
    FollowedJob job = jobs.get(id);
    if (job == null) {
      return Optional.empty();
    }
    synchronized (this) {
      job.follow(listener);
      if (!job.interrupted()) {
        throw RpcException.of(
            Code.FAILED_PRECONDITION,
            "TRAINING_JOB_NOT_INTERRUPTED",
            "training job '%s' is %s; only an interrupted one can go on"
                .formatted(id, job.stateName()),
            Map.of("job_id", id, "state", job.stateName()));
      }
      if (!waiting.contains(job)) {
        log.info("training job {} is to go on", id);
        if (!job.processRuns() && foreign.remove(job)) {
          waiting.addLast(job);
        } else {
          wanted.put(
              job,
              job.snapshot()
                  .getLastSequence()); // the look that finds its process gone puts it there
        }
      }
    }
    return Optional.of(placed(job));
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
      if (looks++ % FOREIGN_LOOKS == 0) {
        findNew();
        for (FollowedJob job : foreign()) {
          found |= lookOrPutAside(job);
        }
      }
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
        foreign.remove(job);
        if (aside.add(job)) {
          log.error("training job {} cannot be followed; it is tried again", job.id(), e);
        }
      }
      return false;
    }
  }

  private synchronized List<FollowedJob> foreign() {
    return List.copyOf(foreign);
  }

  private synchronized List<FollowedJob> followed() {
    return Stream.concat(running.stream(), aside.stream()).toList();
  }

  private boolean look(FollowedJob job) {
    boolean gone = !job.processRuns(); // before reading: its last line is written before it goes
    boolean found = job.follow(listener);
    if (!gone) {
      return found;
    }
    if (!job.ended() && job.directory().cancelRequested()) { // too late for its process to see
      boolean unused = job.directory().cancel();
      found |= job.follow(listener);
    }
    if (!job.ended() && (!job.interrupted() || job.diedSilently())) {
      if (job.foreground()
          && job.snapshot().getState() == TrainingJobState.TRAINING_JOB_STATE_CREATED) {
        return found; // its process is about to run it
      }
      died(job);
      found |= job.follow(listener);
    }
    synchronized (this) {
      running.remove(job);
      aside.remove(job);
      Long askedAt = wanted.remove(job);
      if (job.ended()) {
        foreign.remove(job);
        log.info("training job {} ended: {}", job.id(), job.stateName());
      } else if (waiting.contains(job)) { // someone resumed it during this look
        foreign.remove(job);
      } else if (job.interrupted() && !job.held()) {
        foreign.remove(job);
        waiting.addFirst(job); // it had its turn
        log.info("training job {} is interrupted and will go on", job.id());
      } else if (askedAt != null && askedAt == job.snapshot().getLastSequence()) {
        foreign.remove(job);
        waiting.addLast(job);
      } else {
        foreign.add(job);
      }
    }
    return found;
  }

  private void died(FollowedJob job) {
    Status cause = JobEnds.died(job.exitCode(), job.directory().log());
    if (job.deaths() + 1 >= MOST_DEATHS) {
      job.directory().fail(JobEnds.givenUp(job.deaths() + 1, cause));
      log.error("training job {} failed: {}", job.id(), cause.getMessage());
    } else {
      job.directory().interrupt(cause, job.foreground());
      log.warn("training job {} is interrupted: {}", job.id(), cause.getMessage());
    }
  }

  private boolean startWaiting() {
    boolean found = false;
    while (true) {
      FollowedJob job;
      synchronized (this) {
        if (!launching || running.size() >= concurrency || waiting.isEmpty()) {
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
