package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class DrainRateTest {
  private static final long MILLI = 1_000_000;
  private final DrainRate rate = new DrainRate(100);
  private long now;

  /** Places become free, one after the other. */
  private void free(int count, long millis, int taken) {
    for (int i = 0; i < count; i++) {
      now += millis * MILLI;
      rate.freed(now, taken);
    }
  }

  @Test
  void delay_steadyDrain_theTimeThatHalfOfThoseAheadTake() {
    free(50, 200, 90);

    assertThat(rate.delay(40)).isBetween(Duration.ofMillis(3_900), Duration.ofMillis(4_100));
    assertThat(rate.delay(10)).isBetween(Duration.ofMillis(950), Duration.ofMillis(1_050));
  }

  @Test
  void delay_drainThatBecomesSlower_follows() {
    free(50, 20, 90);
    Duration before = rate.delay(50);
    free(10, 400, 90);

    assertThat(before).isBetween(Duration.ofMillis(499), Duration.ofMillis(501));
    assertThat(rate.delay(50)).isBetween(Duration.ofSeconds(8), Duration.ofSeconds(10));
  }

  /** An hour in which nobody came is not the time that a place takes to become free. */
  @Test
  void delay_afterQuietHours_asBefore() {
    free(50, 20, 90);
    free(1, 20, 10); // the queue has drained
    free(3, 3_600_000, 1); // now and then somebody asks
    free(1, 3_600_000, 90); // many at once

    assertThat(rate.delay(50)).isBetween(Duration.ofMillis(499), Duration.ofMillis(501));
  }

  /** Turns that wait for their readers only keep no places any more. */
  @Test
  void delay_afterPlacesWereLeftWithoutATurnsEnd_asBefore() {
    free(50, 20, 90);
    rate.left(3);
    free(1, 3_600_000, 90);

    assertThat(rate.delay(50)).isBetween(Duration.ofMillis(499), Duration.ofMillis(501));
  }

  @Test
  void delay_nothingKnown_aSecondForOne() {
    assertThat(rate.delay(1)).isEqualTo(Duration.ofSeconds(1));
    assertThat(rate.delay(1_000_000)).isEqualTo(Duration.ofMinutes(1));
  }
}
