package dev.parley.server.engine;

/** Memory that is exactly what is cached, for tests of what else a scheduler decides. */
final class ExactRoom {
  private ExactRoom() {}

  /** A scheduler whose numbers of room are numbers of tokens. */
  static Scheduler scheduler(EngineLimits limits) {
    return new Scheduler(limits, tokens -> tokens, PrefixOffers.NONE);
  }
}
