package dev.parley.client.testing;

import com.google.protobuf.Timestamp;
import dev.parley.v1.JobCancelled;
import dev.parley.v1.JobCreated;
import dev.parley.v1.JobResumed;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJob;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.ToIntFunction;

/** A job of a {@link FakeParleyServer}: a script, and the log of what has happened so far. */
final class FakeJob {
  /** Sends one update in the message of its RPC. */
  interface Sender {
    void send(TrainingUpdate update);
  }

  private final String id;
  private final TrainRequest request;
  private final List<FakeTraining.Item> script;
  private final ToIntFunction<String> register;
  private final List<TrainingUpdate> log = new ArrayList<>();
  private final List<Runnable> watchers = new ArrayList<>();
  private TrainingJobState state = TrainingJobState.TRAINING_JOB_STATE_CREATED;
  private int position;
  private int losses;

  /**
   * @param register makes a version of the named model
   */
  FakeJob(String id, TrainRequest request, FakeTraining script, ToIntFunction<String> register) {
    this.id = id;
    this.request = request;
    this.script = script.items();
    this.register = register;
    append(
        TrainingUpdate.newBuilder()
            .setCreated(JobCreated.newBuilder().setJobId(id).setRequest(request))
            .build());
  }

  /** Sends everything from a sequence on, then what happens, to one watcher. */
  void watch(ServerCallStreamObserver<?> call, long fromSequence, Sender sender) {
    int[] next = {(int) Math.max(fromSequence, 1)};
    boolean[] over = new boolean[1];
    Runnable pump =
        () -> {
          synchronized (this) {
            while (!over[0] && !call.isCancelled() && call.isReady()) {
              int lossesBefore = losses;
              while (next[0] > log.size() && advance()) {}
              if (losses > lossesBefore) {
                over[0] = true;
                call.onError(
                    FakeError.of(Status.Code.UNAVAILABLE, "CONNECTION_LOST", "Connection lost")
                        .toException());
              } else if (next[0] <= log.size()) {
                sender.send(log.get(next[0]++ - 1));
              } else if (isOver()) {
                over[0] = true;
                call.onCompleted();
              } else {
                return;
              }
            }
          }
        };
    call.setOnReadyHandler(pump);
    synchronized (this) {
      watchers.add(pump);
    }
    pump.run();
  }

  void cancel() {
    synchronized (this) {
      if (isOver()) {
        return;
      }
      append(
          TrainingUpdate.newBuilder()
              .setCancelled(JobCancelled.newBuilder().setStep(job().getStep()))
              .build());
    }
    wake();
  }

  /** Whether the job was interrupted, and goes on now. */
  boolean resume() {
    synchronized (this) {
      if (state != TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED) {
        return false;
      }
      append(
          TrainingUpdate.newBuilder()
              .setResumed(JobResumed.newBuilder().setStep(job().getCheckpointStep()).setAttempt(1))
              .build());
    }
    wake();
    return true;
  }

  synchronized TrainingJob job() {
    TrainingJob.Builder job =
        TrainingJob.newBuilder()
            .setJobId(id)
            .setState(state)
            .setRequest(request)
            .setLastSequence(log.size());
    for (TrainingUpdate update : log) {
      if (update.hasStep()) {
        job.setStep(update.getStep().getStep()).setLoss(update.getStep().getLoss());
      } else if (update.hasStarted()) {
        job.setTotalSteps(update.getStarted().getTotalSteps());
      } else if (update.hasFinished()) {
        job.setVersion(update.getFinished().getVersion());
      } else if (update.hasInterrupted()) {
        job.setCheckpointStep(update.getInterrupted().getCheckpointStep());
      } else if (update.hasFailed()) {
        job.setError(update.getFailed().getStatus());
      }
    }
    return job.build();
  }

  /** One item of the script; false where it waits or ends, or the connection was lost. */
  private boolean advance() {
    if (isOver()
        || state == TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED
        || position == script.size()) {
      return false;
    }
    FakeTraining.Item item = script.get(position);
    CompletableFuture<?> until = item.until();
    if (until != null && !until.isDone()) {
      var unused = until.whenComplete((value, failure) -> wake());
      return false;
    }
    position++;
    if (item.loss()) {
      losses++;
      return false;
    }
    if (item.update() != null) {
      append(item.update());
    }
    return true;
  }

  private void append(TrainingUpdate update) {
    TrainingUpdate.Builder entry =
        update.toBuilder()
            .setSequence(log.size() + 1)
            .setTime(Timestamp.newBuilder().setSeconds(log.size() + 1));
    switch (update.getUpdateCase()) {
      case STARTED -> {
        state = TrainingJobState.TRAINING_JOB_STATE_RUNNING;
        entry.getStartedBuilder().setJobId(id);
      }
      case FINISHED -> {
        state = TrainingJobState.TRAINING_JOB_STATE_FINISHED;
        entry
            .getFinishedBuilder()
            .setModel(request.getModelName())
            .setVersion(register.applyAsInt(request.getModelName()));
      }
      case FAILED -> state = TrainingJobState.TRAINING_JOB_STATE_FAILED;
      case CANCELLED -> state = TrainingJobState.TRAINING_JOB_STATE_CANCELLED;
      case INTERRUPTED -> state = TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED;
      case RESUMED -> state = TrainingJobState.TRAINING_JOB_STATE_RUNNING;
      case CREATED, STEP, EVALUATION, CHECKPOINT, DOWNLOAD, WARNING, UPDATE_NOT_SET -> {}
    }
    log.add(entry.build());
  }

  private boolean isOver() {
    return switch (state) {
      case TRAINING_JOB_STATE_FINISHED, TRAINING_JOB_STATE_FAILED, TRAINING_JOB_STATE_CANCELLED ->
          true;
      case TRAINING_JOB_STATE_CREATED,
          TRAINING_JOB_STATE_RUNNING,
          TRAINING_JOB_STATE_INTERRUPTED,
          TRAINING_JOB_STATE_UNSPECIFIED,
          UNRECOGNIZED ->
          false;
    };
  }

  private void wake() {
    List<Runnable> pumps;
    synchronized (this) {
      pumps = List.copyOf(watchers);
    }
    pumps.forEach(Runnable::run);
  }
}
