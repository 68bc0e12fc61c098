package dev.parley.server.engine;

import dev.parley.server.engine.EngineObserver.StepTimes;
import java.util.function.LongSupplier;

/** Divides a step's time among what was done in it: each lap ends one part. For one thread. */
final class StepClock {
  private final LongSupplier clock;
  private long last;
  private long scheduling;
  private long model;
  private long sampling;
  private long delivery;

  /** What a step consists of. */
  enum Part {
    SCHEDULING,
    MODEL,
    SAMPLING,
    DELIVERY
  }

  StepClock(LongSupplier clock) {
    this.clock = clock;
  }

  /** A step begins. */
  void start() {
    scheduling = 0;
    model = 0;
    sampling = 0;
    delivery = 0;
    last = clock.getAsLong();
  }

  /** The time since the last lap was spent on a part. */
  void lap(Part part) {
    long now = clock.getAsLong();
    long spent = now - last;
    last = now;
    switch (part) {
      case SCHEDULING -> scheduling += spent;
      case MODEL -> model += spent;
      case SAMPLING -> sampling += spent;
      case DELIVERY -> delivery += spent;
    }
  }

  StepTimes times() {
    return new StepTimes(scheduling, model, sampling, delivery);
  }
}
