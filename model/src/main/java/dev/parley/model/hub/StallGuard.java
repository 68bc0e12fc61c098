package dev.parley.model.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Ends the reading of a connection that stays open and brings nothing: the HTTP client itself waits
 * for a body's next byte for ever.
 */
final class StallGuard implements AutoCloseable {
  private static final ScheduledExecutorService WATCH =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "hub-stall-guard");
            thread.setDaemon(true);
            return thread;
          });

  private final InputStream content;
  private final long longest;
  private final Future<?> watch;
  private volatile long moved = System.nanoTime();
  private volatile boolean stalled;

  StallGuard(InputStream content, Duration longest) {
    this.content = content;
    this.longest = longest.toNanos();
    long look = Math.max(1, longest.toMillis() / 4);
    watch = WATCH.scheduleWithFixedDelay(this::look, look, look, TimeUnit.MILLISECONDS);
  }

  /** Something came. */
  void moved() {
    moved = System.nanoTime();
  }

  /** What a failure to read really is. */
  IOException explain(IOException failure) {
    return stalled
        ? new IOException(
            "nothing came for %,d ms".formatted(TimeUnit.NANOSECONDS.toMillis(longest)), failure)
        : failure;
  }

  private void look() {
    if (System.nanoTime() - moved > longest) {
      stalled = true;
      try {
        content.close(); // wakes the reader with an exception
      } catch (IOException e) {
        // then the reader has it, too
      }
    }
  }

  @Override
  public void close() {
    watch.cancel(false);
  }
}
