package dev.parley.client;

import java.time.Duration;
import java.util.Optional;

/** How long to wait before each new attempt to reach a server. */
interface Backoff {
  /** Doubles from 0.2 s to 5 s and gives up after about two minutes without an answer. */
  Backoff DEFAULT =
      attempt ->
          attempt >= 28
              ? Optional.empty()
              : Optional.of(Duration.ofMillis(Math.min(5_000, 200L << Math.min(attempt, 10))));

  /**
   * The wait before attempt number {@code attempt}, counted from 0 since the server last answered;
   * empty: give up.
   */
  Optional<Duration> delay(int attempt);
}
