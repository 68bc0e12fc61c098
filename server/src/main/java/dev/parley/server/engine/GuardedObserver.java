package dev.parley.server.engine;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An observer that cannot hurt the engine: what it throws, errors too, is logged. */
final class GuardedObserver implements EngineObserver {
  private static final Logger log = LoggerFactory.getLogger(GuardedObserver.class);
  private final EngineObserver observer;

  GuardedObserver(EngineObserver observer) {
    this.observer = observer;
  }

  @Override
  public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
    guard(() -> observer.step(nanos, rows, promptTokens, sampledTokens));
  }

  @Override
  public void stepTimes(StepTimes times) {
    guard(() -> observer.stepTimes(times));
  }

  @Override
  public void turnStarted(long queuedNanos) {
    guard(() -> observer.turnStarted(queuedNanos));
  }

  @Override
  public void firstToken(long nanos) {
    guard(() -> observer.firstToken(nanos));
  }

  @Override
  public void nextToken(long nanos) {
    guard(() -> observer.nextToken(nanos));
  }

  @Override
  public void guessed(int accepted, int rejected) {
    guard(() -> observer.guessed(accepted, rejected));
  }

  @Override
  public void turnEnded(
      String reason, long nanos, int promptTokens, int cachedTokens, int generatedTokens) {
    guard(() -> observer.turnEnded(reason, nanos, promptTokens, cachedTokens, generatedTokens));
  }

  @Override
  public void turnRefused() {
    guard(observer::turnRefused);
  }

  @Override
  public void evicted(EvictionReason reason, int tokens) {
    guard(() -> observer.evicted(reason, tokens));
  }

  @Override
  public void shared(int tokens) {
    guard(() -> observer.shared(tokens));
  }

  @Override
  public void state(EngineState state) {
    guard(() -> observer.state(state));
  }

  private static void guard(Runnable call) {
    try {
      call.run();
    } catch (Throwable e) { // a class that a metric misses is no reason to stop talking
      log.error("the engine's observer failed", e);
    }
  }
}
