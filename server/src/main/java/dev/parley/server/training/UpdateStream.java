package dev.parley.server.training;

import dev.parley.server.rpc.StreamPump;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobState;
import dev.parley.v1.TrainingUpdate;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Function;

/**
 * Sends a job's updates to one client for as long as the client takes them. It holds a place in the
 * event log, not the updates: a client that never reads costs a file offset and what gRPC counts as
 * ready, some ten kilobytes. The stream ends with the job's last update.
 */
final class UpdateStream<A> {
  /** Updates between two looks at whether the client still takes them. */
  private static final int BATCH = 8;

  private final TrainingJobs jobs;
  private final String jobId;
  private final EventLog.Tail tail;
  private final ServerCallStreamObserver<A> client;
  private final Function<TrainingUpdate, A> wrap;

  private UpdateStream(
      TrainingJobs jobs,
      String jobId,
      EventLog.Tail tail,
      ServerCallStreamObserver<A> client,
      Function<TrainingUpdate, A> wrap) {
    this.jobs = jobs;
    this.jobId = jobId;
    this.tail = tail;
    this.client = client;
    this.wrap = wrap;
  }

  static <A> void start(
      TrainingJobs jobs,
      String jobId,
      EventLog.Tail tail,
      ServerCallStreamObserver<A> client,
      Function<TrainingUpdate, A> wrap,
      Executor executor,
      String method) {
    UpdateStream<A> stream = new UpdateStream<>(jobs, jobId, tail, client, wrap);
    StreamPump.start(client, executor, method, jobs.news(), stream::send);
  }

  private boolean send() {
    while (client.isReady() && !client.isCancelled()) {
      boolean nothingFollows = jobs.ended(jobId); // asked before reading
      List<TrainingUpdate> updates = tail.poll(BATCH);
      if (updates.isEmpty()) {
        if (nothingFollows) { // the client asked from beyond the last update
          client.onCompleted();
        }
        return !nothingFollows;
      }
      for (TrainingUpdate update : updates) {
        client.onNext(wrap.apply(InlineData.leaveOut(update)));
        if (JobState.isLast(update)) {
          client.onCompleted();
          return false;
        }
      }
    }
    return true;
  }
}
