package dev.parley.server.engine;

import java.util.List;
import java.util.stream.Stream;

/**
 * What the next step does, in the order in which it is to be carried out: a turn that ends makes
 * the next one of its conversation ready, with what is cached after the drops.
 *
 * @param moves what happens to cached keys and values, in this order: memory that one of them
 *     reserves may be what one before it gave up
 * @param expired turns that waited too long for their first step, or whose deadline came before it;
 *     the latest first, so that none of them becomes ready by the end of another
 * @param overdue turns whose deadline came in the middle of their reply
 * @param grants the rows of the step; empty where there is nothing to do
 * @param nextDeadline the earliest time at which a turn that is known now expires, or {@link
 *     TurnRequest#NEVER}
 */
record Plan(
    List<Move> moves,
    List<Long> expired,
    List<Long> overdue,
    List<Grant> grants,
    long nextDeadline) {

  /**
   * A row of the step.
   *
   * @param from how many tokens are cached before it
   * @param tokens how many are read now
   * @param sample whether these are the last ones that are known, so that the next one is chosen
   * @param guesses how many guesses of the next ones may be read with them and checked
   */
  record Grant(long turn, long conversation, int from, int tokens, boolean sample, int guesses) {
    /** A row without guesses. */
    Grant(long turn, long conversation, int from, int tokens, boolean sample) {
      this(turn, conversation, from, tokens, sample, 0);
    }
  }

  /** Something that happens to a conversation's cached keys and values before the step. */
  sealed interface Move {}

  /**
   * Cached keys and values that are dropped.
   *
   * @param tokens how many tokens of them
   */
  record Drop(long conversation, int tokens, EngineObserver.EvictionReason reason)
      implements Move {}

  /**
   * A turn's conversation gets a copy of the beginning of what another one has cached, in place of
   * what it has itself.
   *
   * @param source the other conversation; open, or closed and not dropped yet
   * @param tokens how many tokens' keys and values
   */
  record Share(long turn, long conversation, long source, int tokens) implements Move {}

  /** What is dropped. */
  List<Drop> dropped() {
    return moves.stream()
        .flatMap(move -> move instanceof Drop drop ? Stream.of(drop) : null)
        .toList();
  }

  /** What is shared. */
  List<Share> shared() {
    return moves.stream()
        .flatMap(move -> move instanceof Share share ? Stream.of(share) : null)
        .toList();
  }

  /** The same without a turn's row. */
  Plan without(long turn) {
    List<Grant> others = grants.stream().filter(grant -> grant.turn() != turn).toList();
    return new Plan(moves, expired, overdue, others, nextDeadline);
  }
}
