package dev.parley.server.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.Status;
import dev.parley.server.ops.TestJobs;
import dev.parley.server.ops.TestServer;
import dev.parley.trainer.job.EventLog;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.EvaluationFinished;
import dev.parley.v1.Sample;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.TrainingUpdate;
import dev.parley.v1.WatchTrainingJobRequest;
import dev.parley.v1.WatchTrainingJobResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SlowWatcherTest {
  private static final int WATCHERS = 8;
  private static final int UPDATES = 200;

  @TempDir private Path home;

  @Test
  void watch_clientsThatNeverRead_areNotBufferedFor_andGetAllWhenTheyDo() throws Exception {
    JobDirectory job = JobDirectory.create(home, TestJobs.endless("a").build());
    String reply = "x".repeat(40_000); // 8 MB of updates for each of the watchers
    try (EventLog.Writer events = job.events().open(Clock.systemUTC())) {
      for (int i = 0; i < UPDATES; i++) {
        events.append(
            TrainingUpdate.newBuilder()
                .setEvaluation(
                    EvaluationFinished.newBuilder()
                        .addSamples(Sample.newBuilder().setReply(reply))));
      }
    }
    job.fail(Status.newBuilder().setCode(13).build());
    try (TestServer server = TestServer.start(home)) {
      List<Watcher> watchers = new ArrayList<>();
      for (int i = 0; i < WATCHERS; i++) {
        watchers.add(new Watcher(server, job.id()));
      }
      for (Watcher watcher : watchers) {
        assertThat(watcher.first.await(60, TimeUnit.SECONDS)).isTrue();
      }
      double sent = sent(server);
      assertThat(sent).isLessThan(WATCHERS * UPDATES / 4.0);

      watchers.forEach(Watcher::readAll);

      for (Watcher watcher : watchers) {
        assertThat(watcher.end.await(60, TimeUnit.SECONDS)).isTrue();
        assertThat(watcher.sequences).hasSize(UPDATES + 2).isSorted().doesNotHaveDuplicates();
      }
    }
  }

  /** Updates that the server has handed to gRPC. */
  private static double sent(TestServer server) throws Exception {
    return server
        .get("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith("grpc_server_responses_sent_messages_total"))
        .filter(line -> line.contains("WatchTrainingJob"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }

  /** Takes one update, and no more until it is told to. */
  private static final class Watcher extends ClientCall.Listener<WatchTrainingJobResponse> {
    private final List<Long> sequences = new ArrayList<>(); // by the call's one thread at a time
    private final CountDownLatch first = new CountDownLatch(1);
    private final CountDownLatch end = new CountDownLatch(1);
    private final ClientCall<WatchTrainingJobRequest, WatchTrainingJobResponse> call;

    Watcher(TestServer server, String jobId) {
      call =
          server
              .channel()
              .newCall(TrainingServiceGrpc.getWatchTrainingJobMethod(), CallOptions.DEFAULT);
      call.start(this, new Metadata());
      call.request(1);
      call.sendMessage(WatchTrainingJobRequest.newBuilder().setJobId(jobId).build());
      call.halfClose();
    }

    void readAll() {
      call.request(Integer.MAX_VALUE / 2);
    }

    @Override
    public void onMessage(WatchTrainingJobResponse response) {
      sequences.add(response.getUpdate().getSequence());
      first.countDown();
    }

    @Override
    public void onClose(io.grpc.Status status, Metadata trailers) {
      end.countDown();
    }
  }
}
