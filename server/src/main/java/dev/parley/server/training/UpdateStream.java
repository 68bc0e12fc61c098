package dev.parley.server.training;

import dev.parley.server.rpc.RpcErrors;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobState;
import dev.parley.v1.TrainingUpdate;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * Sends a job's updates to one client for as long as the client takes them. It holds a place in the
 * event log, not the updates: a client that never reads costs a file offset and what gRPC counts as
 * ready, some ten kilobytes. The stream ends with the job's last update.
 *
 * <p>Everything is sent from {@code executor}, one run at a time; {@link #signal} may be called
 * from any thread, as often as one likes.
 */
final class UpdateStream<A> {
  /** Updates between two looks at whether the client still takes them. */
  private static final int BATCH = 8;

  private final TrainingJobs jobs;
  private final EventLog.Tail tail;
  private final BooleanSupplier jobEnded;
  private final ServerCallStreamObserver<A> client;
  private final Function<TrainingUpdate, A> wrap;
  private final Executor executor;
  private final String method;
  private final Runnable signal = this::signal;
  private boolean scheduled; // guarded by this
  private boolean again; // guarded by this
  private boolean ended; // touched by one run at a time

  private UpdateStream(
      TrainingJobs jobs,
      EventLog.Tail tail,
      BooleanSupplier jobEnded,
      ServerCallStreamObserver<A> client,
      Function<TrainingUpdate, A> wrap,
      Executor executor,
      String method) {
    this.jobs = jobs;
    this.tail = tail;
    this.jobEnded = jobEnded;
    this.client = client;
    this.wrap = wrap;
    this.executor = executor;
    this.method = method;
  }

  /** Must be called before the service method returns: gRPC takes handlers only until then. */
  static <A> void start(
      TrainingJobs jobs,
      EventLog.Tail tail,
      BooleanSupplier jobEnded,
      ServerCallStreamObserver<A> client,
      Function<TrainingUpdate, A> wrap,
      Executor executor,
      String method) {
    UpdateStream<A> stream =
        new UpdateStream<>(jobs, tail, jobEnded, client, wrap, executor, method);
    client.setOnReadyHandler(stream.signal);
    client.setOnCancelHandler(stream::stop);
    jobs.addWatcher(stream.signal);
    stream.signal();
  }

  private void stop() {
    jobs.removeWatcher(signal);
  }

  private void signal() {
    synchronized (this) {
      if (scheduled) {
        again = true;
        return;
      }
      scheduled = true;
    }
    executor.execute(this::run);
  }

  private void run() {
    do {
      try {
        send();
      } catch (RuntimeException e) {
        end();
        if (!client.isCancelled()) {
          client.onError(RpcErrors.toStatus(e, method));
        }
      }
    } while (anotherRound());
  }

  private synchronized boolean anotherRound() {
    boolean another = again;
    again = false;
    scheduled = another;
    return another;
  }

  private void send() {
    while (!ended && client.isReady() && !client.isCancelled()) {
      boolean nothingFollows = jobEnded.getAsBoolean(); // asked before reading
      List<TrainingUpdate> updates = tail.poll(BATCH);
      if (updates.isEmpty()) {
        if (nothingFollows) { // the client asked from beyond the last update
          end();
          client.onCompleted();
        }
        return;
      }
      for (TrainingUpdate update : updates) {
        client.onNext(wrap.apply(InlineData.leaveOut(update)));
        if (JobState.isLast(update)) {
          end();
          client.onCompleted();
          return;
        }
      }
    }
  }

  private void end() {
    ended = true;
    stop();
  }
}
