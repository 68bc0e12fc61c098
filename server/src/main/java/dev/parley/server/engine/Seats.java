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
  private final CacheRoom rooms;
  private final KvLedger ledger;
  private final Map<Long, Seat> seats = new HashMap<>();
  private final TreeSet<Seat> idle = new TreeSet<>(EVICTION); // with memory, nothing running
  private int idleRoom;
  private int open;

  /**
   * No conversations.
   *
   * @param capacity in tokens that there is room for
   */
  Seats(int capacity, CacheRoom rooms) {
    this.capacity = capacity;
    this.rooms = rooms;
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

  /** The room that a conversation takes once it has cached so many tokens. */
  int room(Seat seat, int tokens) {
    return Math.max(seat.room, rooms.room(tokens));
  }

  /** A conversation's turn reserves room for so many tokens, those included that are cached. */
  void hold(Seat seat, ScheduledTurn turn, int tokens) {
    out(seat);
    seat.running = turn;
    ledger.set(seat.conversation, room(seat, tokens));
  }

  /** A conversation's running turn read some more tokens. */
  void read(Seat seat, int tokens) {
    seat.cached += tokens;
    grow(seat, seat.cached);
  }

  /** A conversation's running turn had so many tokens in its cache, some of them for a moment. */
  void grow(Seat seat, int tokens) {
    seat.room = room(seat, tokens);
  }

  /** A conversation's turn lets go; what was cached stays until someone needs the room. */
  void release(Seat seat, long step) {
    out(seat);
    seat.running = null;
    seat.lastUsed = step;
    in(seat);
    ledger.set(seat.conversation, seat.room);
  }

  /** Only so many tokens of a conversation are cached; the memory stays. */
  void keep(Seat seat, int cached) {
    seat.cached = cached;
  }

  /** A running turn's conversation has a copy of so many tokens; what is reserved stays so. */
  void copy(Seat seat, int tokens) {
    seat.cached = tokens;
    seat.room = rooms.room(tokens);
  }

  /** A conversation takes over another one's cache in place of its own; no turn of them runs. */
  void adopt(Seat seat, Seat from) {
    int cached = from.cached;
    int room = from.room;
    forget(from);
    out(seat);
    seat.cached = cached;
    seat.room = room;
    in(seat);
    ledger.set(seat.conversation, room);
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
    seat.room = 0;
    ledger.set(seat.conversation, 0);
    if (!seat.open) {
      seats.remove(seat.conversation);
    }
  }

  private void in(Seat seat) {
    if (seat.running == null && seat.room > 0) {
      idle.add(seat);
      idleRoom += seat.room;
    }
  }

  private void out(Seat seat) {
    if (idle.remove(seat)) {
      idleRoom -= seat.room;
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

  /** Room that nobody has reserved. */
  int free() {
    return ledger.free();
  }

  /** Room that a conversation has reserved, or holds without a running turn. */
  int reserved(Seat seat) {
    return ledger.of(seat.conversation);
  }

  /** Room of conversations without a running turn. */
  int idleRoom() {
    return idleRoom;
  }

  /** Room that running turns have reserved. */
  int activeRoom() {
    return ledger.total() - idleRoom;
  }

  int capacity() {
    return capacity;
  }
}
