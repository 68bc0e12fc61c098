package dev.parley.server.engine;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** A turn as the scheduler sees it: numbers. Phase and parking change through {@link TurnTable}. */
final class ScheduledTurn {
  static final Comparator<ScheduledTurn> ARRIVAL = Comparator.comparingLong(turn -> turn.id);

  final long id;
  final Seat seat;
  final long startBy;
  final long deadline;
  Phase phase = Phase.QUEUED;

  /** It was in a step, even if it was preempted since. */
  boolean started;

  boolean parked;

  /** Of history, message and the reply so far. */
  int tokens;

  /** Rows of their own that end with it. */
  final List<ScheduledTurn> candidates = new ArrayList<>();

  /** The turn whose reply it is a candidate for; itself where it is a turn. */
  ScheduledTurn lead = this;

  /** When it last had a row: a number that grows from row to row. */
  long lastRow;

  /** When it or one of its candidates last had a row. */
  long lastOfAll;

  enum Phase {
    /** Behind an earlier turn of its conversation. */
    QUEUED,
    /** Its tokens are known, its memory is not reserved. */
    WAITING,
    /** Its memory is reserved. */
    RUNNING,
    /** It reads nothing more, but has not ended: other candidates for the same reply go on. */
    RESTING
  }

  ScheduledTurn(long id, Seat seat, long startBy, long deadline) {
    this.id = id;
    this.seat = seat;
    this.startBy = startBy;
    this.deadline = deadline;
  }

  /** When it ends unanswered, or in the middle of its reply. */
  long expiry() {
    return started ? deadline : Math.min(startBy, deadline);
  }

  /** Tokens that are known and still to be read. */
  int pending() {
    return tokens - seat.cached;
  }
}
