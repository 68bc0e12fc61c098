package dev.parley.server.engine;

import java.util.List;

/**
 * What the next step does, in the order in which it is to be carried out: a turn that ends makes
 * the next one of its conversation ready, with what is cached after the drops.
 *
 * @param dropped conversations whose cached keys and values are dropped
 * @param expired turns that waited too long for their first step, or whose deadline came before it;
 *     the latest first, so that none of them becomes ready by the end of another
 * @param overdue turns whose deadline came in the middle of their reply
 * @param grants the rows of the step; empty where there is nothing to do
 * @param nextDeadline the earliest time at which a turn that is known now expires, or {@link
 *     TurnRequest#NEVER}
 */
record Plan(
    List<Drop> dropped,
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
   */
  record Grant(long turn, long conversation, int from, int tokens, boolean sample) {}

  /**
   * Cached keys and values that are dropped.
   *
   * @param tokens how many tokens of them
   */
  record Drop(long conversation, int tokens, EngineObserver.EvictionReason reason) {}
}
