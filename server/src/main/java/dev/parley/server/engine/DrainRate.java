package dev.parley.server.engine;

import java.time.Duration;

/**
 * How fast places become free, as a moving average, and so how long to wait for one. Thread-safe.
 */
final class DrainRate {
  private static final Duration SHORTEST = Duration.ofMillis(100);
  private static final Duration LONGEST = Duration.ofMinutes(1);

  /** The weight of the latest interval: about the last ten count. */
  private static final double WEIGHT = 0.2;

  private double intervalNanos = Duration.ofSeconds(1).toNanos();
  private long last = -1;

  /** A place became free. */
  synchronized void freed(long now) {
    if (last >= 0) {
      intervalNanos += WEIGHT * (now - last - intervalNanos);
    }
    last = now;
  }

  /**
   * When to come again.
   *
   * @param ahead how many wait for a place already; the caller stands behind a share of them, for
   *     others come back too
   */
  synchronized Duration delay(int ahead) {
    double nanos = intervalNanos * Math.max(1, ahead / 2.0);
    Duration delay = Duration.ofNanos((long) Math.min(nanos, (double) LONGEST.toNanos()));
    return delay.compareTo(SHORTEST) < 0 ? SHORTEST : delay;
  }
}
