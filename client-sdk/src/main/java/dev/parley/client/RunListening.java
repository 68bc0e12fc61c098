package dev.parley.client;

import dev.parley.v1.TrainingUpdate;
import io.grpc.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads a run on a thread of its own and tells it to a listener. */
final class RunListening implements Runnable, Subscription {
  private static final Logger log = LoggerFactory.getLogger(RunListening.class);

  private final TrainingRun run;
  private final TrainingListener listener;
  private volatile boolean cancelled;

  RunListening(TrainingRun run, TrainingListener listener) {
    this.run = run;
    this.listener = listener;
  }

  @Override
  public void run() {
    TrainedVersion version;
    try {
      for (TrainingUpdate update = run.next(); update != null; update = run.next()) {
        if (cancelled) {
          throw Errors.local(
              Status.Code.CANCELLED, "CANCELLED", "The subscription was cancelled", null);
        }
        ConvertTraining.event(update).ifPresent(listener::onEvent);
      }
      version = run.await();
    } catch (ParleyException e) {
      run.close();
      listener.onError(e);
      return;
    } catch (RuntimeException e) {
      run.close();
      log.warn("A training listener threw; job {} is no longer watched", run.jobId(), e);
      listener.onError(
          Errors.local(Status.Code.CANCELLED, "LISTENER_FAILED", "The listener threw " + e, e));
      return;
    }
    listener.onFinished(version);
  }

  @Override
  public void cancel() {
    cancelled = true;
    run.close();
  }

  @Override
  public boolean isCancelled() {
    return cancelled;
  }
}
