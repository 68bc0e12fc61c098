package dev.parley.loadtest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.client.ParleyClient;
import dev.parley.client.testing.FakeParleyServer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TalkTest {
  @Test
  void begin_laterThanDue_delayCountsForTheFirstTurnOnly() throws Exception {
    LoadTestOptions options = LoadTestOptions.builder("in process", "parley-tiny").turns(3).build();
    Recorder recorder = new Recorder();
    ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    CountDownLatch ended = new CountDownLatch(1);
    long due = System.nanoTime() - TimeUnit.SECONDS.toNanos(100);
    try (FakeParleyServer server = FakeParleyServer.start();
        ParleyClient client = server.client()) {
      Talk talk =
          new Talk(
              options, recorder, clock, RandomGenerator.getDefault(), 0, due, ended::countDown);
      talk.begin(client);
      ended.await();
    } finally {
      clock.shutdownNow();
    }

    LoadResult result = recorder.result(new Load.Closed(1), TimeUnit.SECONDS.toNanos(1));
    assertThat(result.turns()).isEqualTo(3);
    assertThat(result.firstToken().max()).isGreaterThanOrEqualTo(100_000);
    assertThat(result.turn().max()).isGreaterThanOrEqualTo(100_000);
    assertThat(result.startDelay().max()).isGreaterThanOrEqualTo(100_000);
    assertThat(result.firstToken().p50()).isLessThan(50_000);
    assertThat(result.opening().max()).isLessThan(50_000);
  }
}
