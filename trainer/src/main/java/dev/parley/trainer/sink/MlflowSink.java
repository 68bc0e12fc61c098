package dev.parley.trainer.sink;

import dev.parley.trainer.sink.MlflowClient.RefusedException;
import dev.parley.trainer.sink.TrainingSinks.Updates;
import dev.parley.trainer.sink.TrainingSinks.Warning;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Sends a job to a tracking server of MLflow, on a thread of its own: one run a job, in batches.
 *
 * <p>The queue between training and this thread is the event log itself: the thread reads on from
 * the last update that the server has, so that a server that is away for hours costs no memory and
 * misses nothing, and a job that goes on in another process goes on with the same run. A server
 * that refuses is left alone from then on.
 */
final class MlflowSink implements TrainingSink {
  private static final String JOB_TAG = "parley.job_id";
  private static final int MOST_DOUBLINGS = 6;

  private final MlflowSettings settings;
  private final Path stateFile;
  private final LongFunction<Updates> log;
  private final Consumer<Warning> warnings;
  private final MlflowClient client;
  private final Thread thread = new Thread(this::run, "mlflow");

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private long written; // guarded by lock
  private boolean closing; // guarded by lock
  private long deadline; // guarded by lock; of System.nanoTime(), once closing

  // of the thread
  private MlflowState state;
  private Map<String, String> tags = Map.of();
  private String runName = "";
  private long created;
  private boolean warned;

  MlflowSink(
      MlflowSettings settings,
      Path stateFile,
      LongFunction<Updates> log,
      Consumer<Warning> warnings) {
    this.settings = settings;
    this.stateFile = stateFile;
    this.log = log;
    this.warnings = warnings;
    this.client = new MlflowClient(settings);
    this.state = MlflowState.read(stateFile, settings.uri().toString());
    thread.setDaemon(true);
  }

  @Override
  public String name() {
    return "MLflow";
  }

  @Override
  public void accept(TrainingUpdate update) {
    if (update.hasCreated()) {
      tags = MlflowBatch.tags(update.getCreated().getJobId(), update.getCreated().getRequest());
      runName =
          update.getCreated().getRequest().getModelName() + " " + update.getCreated().getJobId();
      created = update.getTime().getSeconds() * 1000;
    }
    lock.lock();
    try {
      written = update.getSequence();
      if (written > state.sequence() && thread.getState() == Thread.State.NEW) {
        thread.start(); // a job that the server knows to its end asks it nothing
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    try {
      Updates updates = log.apply(state.sequence() + 1);
      while (awaitUpdates()) {
        for (List<TrainingUpdate> some = updates.next(MlflowBatch.UPDATES);
            !some.isEmpty();
            some = updates.next(MlflowBatch.UPDATES)) {
          sendUntilHeard(some);
        }
      }
    } catch (InterruptedException e) {
      // the time for the end is over
    } catch (RefusedException | IOException | UncheckedIOException | IllegalStateException e) {
      warn("MLflow at %s hears nothing more of this job, which goes on: ", e);
    }
  }

  /** Waits for something to send and for the batch's time; false at the end. */
  private boolean awaitUpdates() throws InterruptedException {
    lock.lock();
    try {
      while (written <= state.sequence() && !closing) {
        changed.await();
      }
      long until = System.nanoTime() + settings.period().toNanos();
      for (long left = settings.period().toNanos(); left > 0 && !closing; ) {
        changed.awaitNanos(left);
        left = until - System.nanoTime();
      }
      return written > state.sequence();
    } finally {
      lock.unlock();
    }
  }

  private void sendUntilHeard(List<TrainingUpdate> updates)
      throws InterruptedException, IOException {
    for (int failures = 1; ; failures++) {
      try {
        send(updates);
        remember(state.sent(updates.get(updates.size() - 1).getSequence()));
        return;
      } catch (IOException e) {
        if (!warned) {
          warned = true;
          warn("MLflow at %s does not answer; it is tried again, the job goes on: ", e);
        }
        pause(failures);
      }
    }
  }

  private void send(List<TrainingUpdate> updates) throws IOException, InterruptedException {
    if (state.run().isEmpty()) {
      remember(state.withRun(findOrCreateRun()));
    }
    MlflowBatch batch = MlflowBatch.of(updates);
    client.logBatch(state.run(), batch.metrics, batch.parameters, batch.tags);
    if (batch.status.isPresent()) {
      client.updateRun(state.run(), batch.status.get(), batch.endMillis);
    }
  }

  private String findOrCreateRun() throws IOException, InterruptedException {
    String experiment = client.experiment();
    Optional<String> run = client.findRun(experiment, JOB_TAG, tags.getOrDefault(JOB_TAG, ""));
    return run.isPresent() ? run.get() : client.createRun(experiment, runName, created, tags);
  }

  /**
   * Where it cannot be kept, the next process may send some updates twice: MLflow has them once.
   */
  private void remember(MlflowState next) {
    lock.lock();
    try {
      state = next;
    } finally {
      lock.unlock();
    }
    try {
      next.write(stateFile);
    } catch (IOException e) {
      if (!warned) {
        warned = true;
        warn("what MLflow at %s has heard cannot be remembered: ", e);
      }
    }
  }

  private void pause(int failures) throws InterruptedException {
    Duration pause =
        settings.firstPause().multipliedBy(1L << Math.min(failures - 1, MOST_DOUBLINGS));
    long until = System.nanoTime() + pause.toNanos();
    lock.lock();
    try {
      for (long left = pause.toNanos(); left > 0; left = until - System.nanoTime()) {
        if (closing && System.nanoTime() - deadline >= 0) {
          throw new InterruptedException("no time is left");
        }
        changed.awaitNanos(closing ? Math.min(left, 100_000_000) : left);
        if (closing) {
          break; // once more at once, for there is little time
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private void warn(String what, @Nullable Exception cause) {
    String reason =
        cause == null || cause.getMessage() == null ? String.valueOf(cause) : cause.getMessage();
    warnings.accept(new Warning("MLFLOW_FAILED", what.formatted(settings.uri()) + reason));
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      deadline = System.nanoTime() + settings.closeTime().toNanos();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    if (thread.getState() == Thread.State.NEW) {
      return;
    }
    try {
      thread.join(settings.closeTime().toMillis());
      if (thread.isAlive()) {
        warnings.accept(
            new Warning(
                "MLFLOW_FAILED",
                "MLflow at %s does not take the end of this job in %d s; the job itself has it"
                    .formatted(settings.uri(), settings.closeTime().toSeconds())));
        thread.interrupt();
        thread.join(settings.answerTime().toMillis());
      }
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
    }
  }
}
