package dev.parley.server.engine;

import java.util.Optional;

/** Who has cached the beginning of what a turn has to read. Asked when a turn is about to start. */
@FunctionalInterface
interface PrefixOffers {
  /** Nobody has anything. */
  PrefixOffers NONE = turn -> Optional.empty();

  /**
   * A beginning that can be copied.
   *
   * @param conversation that has it
   * @param tokens how long it is; fewer than the turn has
   */
  record Offer(long conversation, int tokens) {}

  /** The longest beginning that another conversation has and that is worth copying. */
  Optional<Offer> find(long turn);
}
