package dev.parley.server.engine;

import dev.parley.server.engine.EngineObserver.EvictionReason;
import dev.parley.server.engine.Plan.Drop;
import dev.parley.server.engine.Plan.Move;
import dev.parley.server.engine.ScheduledTurn.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reserves room for turns, where need be at the cost of others: idle conversations first, then
 * parked turns, then the running turn that arrived last. Collects what is to be dropped for it.
 */
final class RoomMaker {
  private final Seats seats;
  private final TurnTable turns;
  private final List<Move> moves = new ArrayList<>();

  RoomMaker(Seats seats, TurnTable turns) {
    this.seats = seats;
    this.turns = turns;
  }

  /** What was decided so far, in order: room that one move takes may be what one before it gave. */
  List<Move> moves() {
    return moves;
  }

  /** What is to be done after the moves before. */
  void add(Move move) {
    moves.add(move);
  }

  /** Reserves room for a running turn's tokens, at the cost of others or else of itself. */
  boolean reserve(ScheduledTurn turn) {
    while (seats.room(turn.seat, turn.tokens) - seats.reserved(turn.seat) > seats.free()) {
      if (dropIdle(turn.seat, null)) {
        continue;
      }
      ScheduledTurn victim = turns.latestRunning().orElseThrow();
      preempt(victim);
      if (victim == turn) {
        return false;
      }
    }
    seats.hold(turn.seat, turn, turn.tokens);
    return true;
  }

  /**
   * Frees room for a turn that is about to start; there must be enough that may be dropped.
   *
   * @param spared is dropped last
   */
  void free(int room, Seat own, @Nullable Seat spared) {
    while (room > seats.free()) {
      if (!dropIdle(own, spared) && !dropIdle(own, null)) {
        preempt(turns.latestParkedRunning().orElseThrow());
      }
    }
  }

  /** Frees room by idle conversations alone, but one; false where they have too little. */
  boolean freeIdle(int room, Seat but) {
    while (room > seats.free()) {
      if (!dropIdle(but, null)) {
        return false;
      }
    }
    return true;
  }

  /** Drops the cache of every idle conversation. */
  void dropAllIdle() {
    while (dropIdle(null, null)) {
      // the next one
    }
  }

  private boolean dropIdle(@Nullable Seat but, @Nullable Seat orBut) {
    Optional<Seat> idle = seats.firstIdle(but, orBut);
    idle.ifPresent(seat -> drop(seat, EvictionReason.IDLE));
    return idle.isPresent();
  }

  private void preempt(ScheduledTurn turn) {
    turns.phase(turn, Phase.WAITING);
    drop(turn.seat, EvictionReason.PREEMPTED);
  }

  private void drop(Seat seat, EvictionReason reason) {
    moves.add(new Drop(seat.conversation, seat.cached, reason));
    seats.forget(seat);
  }
}
