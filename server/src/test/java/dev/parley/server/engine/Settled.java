package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for an engine thread, without guessing how long it takes. */
public final class Settled {
  private Settled() {}

  /** Returns when the engine has done everything that was asked of it before, and a step. */
  public static void await(ChatEngine engine) throws InterruptedException {
    for (int i = 0; i < 2; i++) {
      CountDownLatch done = new CountDownLatch(1);
      if (engine.whenReached(done::countDown)) {
        assertThat(done.await(60, TimeUnit.SECONDS)).as("the engine reached a command").isTrue();
      }
    }
  }

  /** Looks again and again until something holds, for a minute. */
  public static void until(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("a minute has passed").isLessThan(end);
      LockSupport.parkNanos(100_000);
    }
  }
}
