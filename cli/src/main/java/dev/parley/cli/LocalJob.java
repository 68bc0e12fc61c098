package dev.parley.cli;

import dev.parley.trainer.job.TrainingJob;
import dev.parley.trainer.sink.SinkSettings;
import dev.parley.v1.TrainingUpdate;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

/** A training job in this process. */
final class LocalJob {
  private LocalJob() {}

  /**
   * Runs a job; Ctrl-C and SIGTERM interrupt it at its next step, after a checkpoint.
   *
   * @param sinks which other tools hear how it goes
   * @return its last update
   */
  static TrainingUpdate run(Path home, String jobId, TrainingView view, SinkSettings sinks) {
    AtomicBoolean interrupted = new AtomicBoolean();
    CountDownLatch ended = new CountDownLatch(1);
    Thread stop =
        new Thread(
            () -> {
              interrupted.set(true);
              awaitQuietly(ended);
            },
            "stop");
    Runtime.getRuntime().addShutdownHook(stop);
    TrainingUpdate.Builder last = TrainingUpdate.newBuilder();
    try {
      TrainingJob.run(
          home,
          jobId,
          update -> {
            view.show(update);
            last.clear().mergeFrom(update);
          },
          interrupted::get,
          sinks);
    } finally {
      ended.countDown();
    }
    return last.build();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
