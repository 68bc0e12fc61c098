package dev.parley.server.engine;

import dev.parley.server.rpc.RpcException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/**
 * The places for conversations and turns: taken before any work is done for them, given back in one
 * method each. Thread-safe.
 */
final class Admission {
  private final EngineLimits limits;
  private final EngineObserver observer;
  private final LongSupplier clock;
  private final AtomicInteger conversations = new AtomicInteger();
  private final AtomicInteger turns = new AtomicInteger();
  private final DrainRate conversationsDrain = new DrainRate();
  private final DrainRate turnsDrain = new DrainRate();

  Admission(EngineLimits limits, EngineObserver observer, LongSupplier clock) {
    this.limits = limits;
    this.observer = observer;
    this.clock = clock;
  }

  /** Conversations that have a place. */
  int conversations() {
    return conversations.get();
  }

  /** Turns that have a place. */
  int turns() {
    return turns.get();
  }

  /**
   * Takes a place for a conversation.
   *
   * @throws RpcException RESOURCE_EXHAUSTED with a retry delay where there is none
   */
  void takeConversation() {
    if (conversations.incrementAndGet() > limits.conversations()) {
      conversations.decrementAndGet();
      throw RpcException.overloaded(
          "TOO_MANY_CONVERSATIONS",
          "%d conversations are open, which is the limit; try again later"
              .formatted(limits.conversations()),
          conversationsDrain.delay(1));
    }
  }

  /** Gives a place back that was of no use. */
  void returnConversation() {
    conversations.decrementAndGet();
  }

  /** A conversation has ended. */
  void conversationEnded() {
    conversationsDrain.freed(clock.getAsLong());
    returnConversation();
  }

  /**
   * Takes a place for a turn.
   *
   * @throws RpcException RESOURCE_EXHAUSTED with a retry delay where there is none
   */
  void takeTurn(ConversationSlot slot) {
    int own = slot.turns.incrementAndGet();
    int all = turns.incrementAndGet();
    if (own > limits.turnsPerConversation()) {
      throw refused(
          slot,
          "TOO_MANY_TURNS_IN_CONVERSATION",
          "%d messages of this conversation wait for their reply, which is the limit; wait for one"
              .formatted(limits.turnsPerConversation()),
          turnsDrain.delay(own));
    }
    if (all > limits.waitingTurns()) {
      throw refused(
          slot,
          "TOO_MANY_TURNS",
          "%d messages wait for their reply, which is the limit; try again later"
              .formatted(limits.waitingTurns()),
          turnsDrain.delay(all));
    }
  }

  private RpcException refused(
      ConversationSlot slot, String reason, String message, Duration retry) {
    returnTurn(slot);
    observer.turnRefused();
    return RpcException.overloaded(reason, message, retry);
  }

  /** Gives a place back that was of no use. */
  void returnTurn(ConversationSlot slot) {
    slot.turns.decrementAndGet();
    turns.decrementAndGet();
  }

  /** A turn has ended. */
  void turnEnded(Turn turn) {
    turnsDrain.freed(clock.getAsLong());
    returnTurn(turn.slot);
  }
}
