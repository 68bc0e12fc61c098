package dev.parley.server.engine;

import dev.parley.server.rpc.RpcException;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * The places for conversations and turns, taken before any work is done for them. The turns of a
 * conversation whose reader takes no more wait for him and not for the engine: they keep no place
 * from others until he reads again. Thread-safe.
 */
final class Admission {
  private final EngineLimits limits;
  private final EngineObserver observer;
  private final LongSupplier clock;
  private final DrainRate conversationsDrain;
  private final DrainRate turnsDrain;
  private int conversations;
  private int turns; // all of them
  private int waitingForReaders; // those of them that keep no place

  Admission(EngineLimits limits, EngineObserver observer, LongSupplier clock) {
    this.limits = limits;
    this.observer = observer;
    this.clock = clock;
    this.conversationsDrain = new DrainRate(limits.conversations());
    this.turnsDrain = new DrainRate(limits.waitingTurns());
  }

  /** Conversations that have a place. */
  synchronized int conversations() {
    return conversations;
  }

  /** Turns that have not ended. */
  synchronized int turns() {
    return turns;
  }

  /**
   * Takes a place for a conversation.
   *
   * @throws RpcException RESOURCE_EXHAUSTED with a retry delay where there is none
   */
  synchronized void takeConversation() {
    if (conversations >= limits.conversations()) {
      throw RpcException.overloaded(
          "TOO_MANY_CONVERSATIONS",
          "%d conversations are open, which is the limit; try again later"
              .formatted(limits.conversations()),
          conversationsDrain.delay(1));
    }
    conversations++;
  }

  /** Gives a place back that was of no use. */
  synchronized void returnConversation() {
    conversations--;
  }

  /** A conversation has ended. */
  synchronized void conversationEnded() {
    returnConversation();
    conversationsDrain.freed(clock.getAsLong(), conversations);
  }

  /**
   * Takes a place for a turn.
   *
   * @throws RpcException RESOURCE_EXHAUSTED with a retry delay where there is none
   */
  synchronized void takeTurn(ConversationSlot slot) {
    if (slot.turns >= limits.turnsPerConversation()) {
      throw refused(
          "TOO_MANY_TURNS_IN_CONVERSATION",
          "%d messages of this conversation wait for their reply, which is the limit; wait for one"
              .formatted(limits.turnsPerConversation()),
          turnsDrain.delay(slot.turns + 1));
    }
    if (taken() >= limits.waitingTurns()) {
      throw refused(
          "TOO_MANY_TURNS",
          "%d messages wait for their reply, which is the limit; try again later"
              .formatted(limits.waitingTurns()),
          turnsDrain.delay(taken() + 1));
    }
    count(slot, 1);
  }

  private int taken() {
    return turns - waitingForReaders;
  }

  private void count(ConversationSlot slot, int more) {
    slot.turns += more;
    turns += more;
    if (slot.silent) {
      waitingForReaders += more;
    }
    slot.silent &= slot.turns > 0;
  }

  private RpcException refused(String reason, String message, Duration retry) {
    observer.turnRefused();
    return RpcException.overloaded(reason, message, retry);
  }

  /** Gives a place back that was of no use. */
  synchronized void returnTurn(ConversationSlot slot) {
    count(slot, -1);
  }

  /** A turn has ended. */
  synchronized void turnEnded(Turn turn) {
    boolean kept = !turn.slot.silent;
    count(turn.slot, -1);
    if (kept) {
      turnsDrain.freed(clock.getAsLong(), taken());
    }
  }

  /**
   * The reader of a conversation's first turn was asked whether he takes more.
   *
   * @param ready that he does
   */
  synchronized void asked(Turn first, boolean ready) {
    ConversationSlot slot = first.slot;
    if (slot.silent == ready) {
      slot.silent = !ready;
      waitingForReaders += ready ? -slot.turns : slot.turns;
      turnsDrain.left(taken());
    }
  }
}
