package dev.parley.server.engine;

import java.time.Duration;

/**
 * How fast places become free while most of them are taken, as a moving average, and so how long to
 * wait for one. Quiet times say nothing about that. Not thread-safe.
 */
final class DrainRate {
  private static final Duration SHORTEST = Duration.ofMillis(100);
  private static final Duration LONGEST = Duration.ofMinutes(1);
  private static final long NEVER = -1;

  /** The weight of the latest interval: about the last ten count. */
  private static final double WEIGHT = 0.2;

  private final int places;
  private double intervalNanos = Duration.ofSeconds(1).toNanos();
  private long last = NEVER;

  /** Of so many places. */
  DrainRate(int places) {
    this.places = places;
  }

  /**
   * A place became free.
   *
   * @param taken places that are taken still
   */
  void freed(long now, int taken) {
    if (last != NEVER) {
      intervalNanos += WEIGHT * (now - last - intervalNanos);
    }
    last = now;
    left(taken);
  }

  /** So many places are taken now; where it is few, what comes next is no pace. */
  void left(int taken) {
    if (2L * taken < places) {
      last = NEVER;
    }
  }

  /**
   * When to come again.
   *
   * @param ahead how many wait for a place already; the caller stands behind a share of them, for
   *     others come back too
   */
  Duration delay(int ahead) {
    double nanos = intervalNanos * Math.max(1, ahead / 2.0);
    Duration delay = Duration.ofNanos((long) Math.min(nanos, (double) LONGEST.toNanos()));
    return delay.compareTo(SHORTEST) < 0 ? SHORTEST : delay;
  }
}
