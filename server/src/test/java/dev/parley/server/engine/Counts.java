package dev.parley.server.engine;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts guesses, steps and tokens. */
class Counts implements EngineObserver {
  final AtomicInteger accepted = new AtomicInteger();
  final AtomicInteger rejected = new AtomicInteger();
  final AtomicInteger steps = new AtomicInteger();
  final AtomicInteger sampled = new AtomicInteger();
  final AtomicInteger generated = new AtomicInteger();
  final AtomicInteger first = new AtomicInteger();
  final AtomicInteger later = new AtomicInteger();

  @Override
  public void guessed(int right, int wrong) {
    accepted.addAndGet(right);
    rejected.addAndGet(wrong);
  }

  @Override
  public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
    steps.incrementAndGet();
    sampled.addAndGet(sampledTokens);
  }

  @Override
  public void firstToken(long nanos) {
    first.incrementAndGet();
  }

  @Override
  public void nextToken(long nanos) {
    later.incrementAndGet();
  }

  @Override
  public void turnEnded(
      String reason, long nanos, int promptTokens, int cachedTokens, int generatedTokens) {
    generated.addAndGet(generatedTokens);
  }
}
