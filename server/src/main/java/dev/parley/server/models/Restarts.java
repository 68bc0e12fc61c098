package dev.parley.server.models;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * When a version whose engine stopped is loaded again: at once the first time, then after a second,
 * two, four and so on; after {@value #ATTEMPTS} failures not before a quiet time, so that a version
 * that cannot work does not keep the machine busy. An engine that ran for that long had no failure
 * before. Guarded by its {@link Deployments}.
 */
final class Restarts {
  static final int ATTEMPTS = 6;
  static final Duration QUIET = Duration.ofMinutes(10);

  private record Failures(int count, long lastNanos) {}

  private final Map<VersionKey, Failures> failures = new HashMap<>();

  /** A version's engine stopped, or it could not be loaded again. */
  void failed(VersionKey key, long now) {
    Failures before = failures.get(key);
    if (before == null || now - before.lastNanos() > QUIET.toNanos()) {
      failures.put(key, new Failures(1, now));
    } else {
      failures.put(key, new Failures(before.count() + 1, now));
    }
  }

  /** Failures in a row; 0 for a version that has had none, or has been let go of. */
  int count(VersionKey key) {
    Failures known = failures.get(key);
    return known == null ? 0 : known.count();
  }

  /** How long to wait before the next attempt; zero where it is due. */
  Duration delay(VersionKey key, long now) {
    Failures known = failures.get(key);
    if (known == null) {
      return Duration.ZERO;
    }
    Duration pause =
        known.count() >= ATTEMPTS
            ? QUIET
            : known.count() == 1 ? Duration.ZERO : Duration.ofSeconds(1L << (known.count() - 2));
    Duration left = pause.minusNanos(now - known.lastNanos());
    return left.isNegative() ? Duration.ZERO : left;
  }

  /** A version is not in memory any more. */
  void forget(VersionKey key) {
    failures.remove(key);
  }
}
