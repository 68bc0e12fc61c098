package dev.parley.server.engine;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The conversations and their shares of the memory for keys and values. Those that may lose theirs
 * are kept in the order in which they do, so that a step costs the same beside a thousand idle
 * conversations as beside none: first what closed conversations left, then the longest idle ones.
 */
final class Seats {
  private static final Comparator<Seat> EVICTION =
      Comparator.<Seat, Boolean>comparing(seat -> seat.open)
          .thenComparingLong(seat -> seat.lastUsed)
          .thenComparingLong(seat -> seat.conversation);

  private final int capacity;
  private final KvLedger ledger;
  private final Map<Long, Seat> seats = new HashMap<>();
  private final TreeSet<Seat> idle = new TreeSet<>(EVICTION); // something cached, nothing running
  private int idleTokens;
  private int open;

  Seats(int capacity) {
    this.capacity = capacity;
    this.ledger = new KvLedger(capacity);
  }

  Seat open(long conversation) {
    Seat seat = new Seat(conversation);
    seats.put(conversation, seat);
    open++;
    return seat;
  }

  /**
   * A conversation is gone; its turns must be gone before.
   *
   * @param keep whether its cache stays until someone needs the room, where it has one
   */
  void close(Seat seat, boolean keep) {
    open--;
    out(seat);
    seat.open = false;
    in(seat);
    if (!keep || seat.cached == 0) {
      forget(seat);
    }
  }

  /** A conversation that is open, or closed with something cached. */
  @Nullable Seat find(long conversation) {
    return seats.get(conversation);
  }

  Seat get(long conversation) {
    Seat seat = seats.get(conversation);
    if (seat == null) {
      throw new IllegalStateException("conversation %d is not open".formatted(conversation));
    }
    return seat;
  }

  /** Open conversations. */
  int open() {
    return open;
  }

  /** A conversation's turn reserves room for so many tokens, those included that are cached. */
  void hold(Seat seat, ScheduledTurn turn, int tokens) {
    out(seat);
    seat.running = turn;
    ledger.set(seat.conversation, tokens);
  }

  /** A conversation's turn read some more tokens. */
  void read(Seat seat, int tokens) {
    out(seat);
    seat.cached += tokens;
    in(seat);
  }

  /** A conversation's turn lets go; what was cached stays until someone needs the room. */
  void release(Seat seat, long step) {
    out(seat);
    seat.running = null;
    seat.lastUsed = step;
    in(seat);
    ledger.set(seat.conversation, seat.cached);
  }

  /** Only so many tokens of a conversation without a running turn are cached. */
  void keep(Seat seat, int cached) {
    out(seat);
    seat.cached = cached;
    in(seat);
    ledger.set(seat.conversation, cached);
  }

  /** A running turn's conversation has so many tokens cached; what is reserved stays so. */
  void replace(Seat seat, int cached) {
    seat.cached = cached;
  }

  /** A conversation's cache was of use. */
  void touch(Seat seat, long step) {
    out(seat);
    seat.lastUsed = step;
    in(seat);
  }

  /** Nothing of a conversation is cached any more, and no turn of it runs. */
  void forget(Seat seat) {
    out(seat);
    seat.running = null;
    seat.cached = 0;
    ledger.set(seat.conversation, 0);
    if (!seat.open) {
      seats.remove(seat.conversation);
    }
  }

  private void in(Seat seat) {
    if (seat.running == null && seat.cached > 0) {
      idle.add(seat);
      idleTokens += seat.cached;
    }
  }

  private void out(Seat seat) {
    if (idle.remove(seat)) {
      idleTokens -= seat.cached;
    }
  }

  /** The conversation that loses its cache first, another one than these two. */
  Optional<Seat> firstIdle(@Nullable Seat but, @Nullable Seat orBut) {
    for (Seat seat : idle) { // at most three
      if (seat != but && seat != orBut) {
        return Optional.of(seat);
      }
    }
    return Optional.empty();
  }

  /** Tokens that nobody has reserved. */
  int free() {
    return ledger.free();
  }

  /** Tokens that a conversation has reserved. */
  int reserved(Seat seat) {
    return ledger.of(seat.conversation);
  }

  /** Tokens of conversations without a running turn. */
  int idleTokens() {
    return idleTokens;
  }

  /** Tokens that running turns have reserved. */
  int activeTokens() {
    return ledger.total() - idleTokens;
  }

  int capacity() {
    return capacity;
  }
}
