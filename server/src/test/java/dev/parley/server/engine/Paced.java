package dev.parley.server.engine;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Lets the engine go on after a step only with a permit, so that a test can act between steps. */
public final class Paced implements EngineObserver {
  private final Semaphore permits;

  /** With permits that the test releases. */
  public Paced(Semaphore permits) {
    this.permits = permits;
  }

  @Override
  public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
    try {
      if (!permits.tryAcquire(60, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the test released no step for a minute");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
