package dev.parley.client;

import dev.parley.v1.TrainingUpdate;
import io.grpc.Status;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * A training job that is watched. Its events are read once, in one of these ways: by iterating,
 * with {@link #await}, {@link #awaitAsync}, {@link #listen} or {@link #updates}; {@link #await} may
 * follow an iteration and takes what is left.
 *
 * <p>A lost connection is not an event: the run attaches again where it was, repeats nothing and
 * misses nothing, and gives up with {@link UnavailableException} after about two minutes without an
 * answer. The job itself outlives every watcher: closing a run stops the watching, {@link #cancel}
 * stops the job.
 */
public final class TrainingRun implements Iterable<TrainingEvent>, Watch {
  private final TrainingClient client;
  private final ServerFeed<TrainingUpdate> feed;
  private final Consumer<TrainingRun> onClose;
  private final AtomicBoolean taken = new AtomicBoolean();
  private volatile String jobId;
  private volatile long lastSequence;
  private @Nullable TrainingUpdate first;
  private @Nullable TrainingUpdate last;

  TrainingRun(
      TrainingClient client,
      String jobId,
      long lastSequence,
      RunSource source,
      Backoff backoff,
      Consumer<TrainingRun> onClose) {
    this.client = client;
    this.jobId = jobId;
    this.lastSequence = lastSequence;
    this.onClose = onClose;
    this.feed = new ServerFeed<>(() -> source.open(this.jobId, this.lastSequence + 1), backoff);
  }

  /** Opens the stream of updates of a job; an empty id: of the job that is to be started. */
  interface RunSource {
    Iterator<TrainingUpdate> open(String jobId, long fromSequence);
  }

  /** Waits for the update that names the job. */
  TrainingRun started() {
    first = take();
    return this;
  }

  /** The job: with it, {@link TrainingClient#watch(String)} finds the job again from anywhere. */
  public String jobId() {
    return jobId;
  }

  /** The sequence of the latest event that was taken; 0: none yet. */
  public long lastSequence() {
    return lastSequence;
  }

  /** The events; the last one is final. Throws {@link ParleyException} when the watching fails. */
  @Override
  public Iterator<TrainingEvent> iterator() {
    takeOnce();
    return new Events<>(ConvertTraining::event);
  }

  /** The events as a sequential stream. */
  public Stream<TrainingEvent> stream() {
    return StreamSupport.stream(
        Spliterators.spliteratorUnknownSize(
            iterator(), Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE),
        false);
  }

  /** The updates as messages of the contract, for those who write them down. */
  public Iterable<TrainingUpdate> updates() {
    return () -> {
      takeOnce();
      return new Events<>(Optional::of);
    };
  }

  /**
   * Waits for the end of the job.
   *
   * @throws TrainingFailedException if it failed
   * @throws TrainingCancelledException if it was cancelled
   */
  public TrainedVersion await() {
    while (last == null) {
      var unused = next();
    }
    TrainingEvent end = ConvertTraining.event(last).orElseThrow();
    if (end instanceof TrainingEvent.Finished finished) {
      return finished.version();
    }
    if (end instanceof TrainingEvent.Failed failed) {
      throw failed.error();
    }
    if (end instanceof TrainingEvent.Cancelled cancelled) {
      throw ConvertTraining.cancelled(jobId, cancelled.step());
    }
    throw new IllegalStateException("Not final: " + end);
  }

  /** As {@link #await}, on a thread of its own. Cancelling the future stops the watching only. */
  public CompletableFuture<TrainedVersion> awaitAsync() {
    takeOnce();
    CompletableFuture<TrainedVersion> result = new CompletableFuture<>();
    client
        .workers()
        .execute(
            () -> {
              try {
                result.complete(await());
              } catch (RuntimeException e) {
                result.completeExceptionally(e);
              }
            });
    var unused =
        result.whenComplete(
            (version, failure) -> {
              if (result.isCancelled()) {
                close();
              }
            });
    return result;
  }

  /** Tells the events to a listener, on a thread of its own. */
  public Subscription listen(TrainingListener listener) {
    takeOnce();
    RunListening listening = new RunListening(this, listener);
    client.workers().execute(listening);
    return listening;
  }

  /** Stops the job at its next step; the events say when it has stopped. */
  public TrainingJob cancel() {
    return client.cancel(jobId);
  }

  /** Stops the watching; the job goes on. From any thread. */
  @Override
  public void close() {
    feed.close();
    onClose.accept(this);
  }

  /** The next event's update; null after the final one. */
  @Nullable TrainingUpdate next() {
    if (last != null) {
      return null;
    }
    TrainingUpdate update = first == null ? take() : first;
    first = null;
    if (isFinal(update)) {
      last = update;
      close();
    }
    return update;
  }

  private TrainingUpdate take() {
    while (true) {
      TrainingUpdate update = feed.next();
      if (update.getSequence() <= lastSequence) {
        continue;
      }
      if (update.getSequence() > lastSequence + 1) {
        throw Errors.local(
            Status.Code.DATA_LOSS,
            "MISSING_UPDATES",
            "Job " + jobId + ": update " + update.getSequence() + " came after " + lastSequence,
            null);
      }
      lastSequence = update.getSequence();
      if (update.hasCreated()) {
        jobId = update.getCreated().getJobId();
      }
      return update;
    }
  }

  private void takeOnce() {
    if (!taken.compareAndSet(false, true)) {
      throw new IllegalStateException(
          "The events of a run are read once; watch(jobId) gives them again");
    }
  }

  private static boolean isFinal(TrainingUpdate update) {
    return switch (update.getUpdateCase()) {
      case FINISHED, FAILED, CANCELLED -> true;
      case CREATED,
          STARTED,
          STEP,
          EVALUATION,
          CHECKPOINT,
          DOWNLOAD,
          INTERRUPTED,
          RESUMED,
          WARNING,
          UPDATE_NOT_SET ->
          false;
    };
  }

  /** What of an update is handed out; an update that gives nothing is passed over. */
  private interface View<T> {
    Optional<T> of(TrainingUpdate update);
  }

  private final class Events<T> implements Iterator<T> {
    private final View<T> view;
    private Optional<T> ahead = Optional.empty();

    Events(View<T> view) {
      this.view = view;
    }

    @Override
    public boolean hasNext() {
      while (ahead.isEmpty()) {
        TrainingUpdate update = TrainingRun.this.next();
        if (update == null) {
          return false;
        }
        ahead = view.of(update);
      }
      return true;
    }

    @Override
    public T next() {
      if (!hasNext()) {
        throw new NoSuchElementException("The job has ended");
      }
      T event = ahead.orElseThrow();
      ahead = Optional.empty();
      return event;
    }
  }
}
