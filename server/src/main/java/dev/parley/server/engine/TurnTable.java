package dev.parley.server.engine;

import dev.parley.server.engine.ScheduledTurn.Phase;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * The turns that have not ended, in orders that let a step find those that concern it without
 * looking at the others.
 */
final class TurnTable {
  private static final Comparator<ScheduledTurn> EXPIRY =
      Comparator.comparingLong(ScheduledTurn::expiry).thenComparing(ScheduledTurn.ARRIVAL);

  private final Map<Long, ScheduledTurn> all = new HashMap<>();
  private final TreeSet<ScheduledTurn> expiring = new TreeSet<>(EXPIRY); // those that ever expire
  private final TreeSet<ScheduledTurn> waiting = new TreeSet<>(ScheduledTurn.ARRIVAL);
  private final TreeSet<ScheduledTurn> running = new TreeSet<>(ScheduledTurn.ARRIVAL);
  private final TreeSet<ScheduledTurn> parkedWaiting = new TreeSet<>(ScheduledTurn.ARRIVAL);
  private final TreeSet<ScheduledTurn> parkedRunning = new TreeSet<>(ScheduledTurn.ARRIVAL);

  private int resting;

  void add(ScheduledTurn turn) {
    all.put(turn.id, turn);
    turn.seat.turns.add(turn);
    in(turn);
  }

  void remove(ScheduledTurn turn) {
    out(turn);
    turn.seat.turns.remove(turn);
    all.remove(turn.id);
  }

  ScheduledTurn get(long id) {
    ScheduledTurn turn = all.get(id);
    if (turn == null) {
      throw new IllegalStateException("turn %d is not scheduled".formatted(id));
    }
    return turn;
  }

  void phase(ScheduledTurn turn, Phase phase) {
    out(turn);
    turn.phase = phase;
    turn.started |= phase == Phase.RUNNING;
    in(turn);
  }

  void park(ScheduledTurn turn, boolean parked) {
    if (turn.phase != Phase.QUEUED && turn.parked != parked) {
      out(turn);
      turn.parked = parked;
      in(turn);
    }
  }

  private void in(ScheduledTurn turn) {
    if (turn.expiry() != TurnRequest.NEVER) {
      expiring.add(turn);
    }
    switch (turn.phase) {
      case QUEUED -> {}
      case WAITING -> (turn.parked ? parkedWaiting : waiting).add(turn);
      case RUNNING -> (turn.parked ? parkedRunning : running).add(turn);
      case RESTING -> resting++;
    }
  }

  private void out(ScheduledTurn turn) {
    expiring.remove(turn);
    switch (turn.phase) {
      case QUEUED -> {}
      case WAITING -> (turn.parked ? parkedWaiting : waiting).remove(turn);
      case RUNNING -> (turn.parked ? parkedRunning : running).remove(turn);
      case RESTING -> resting--;
    }
  }

  /** The turn that expires first, if it does until a time. */
  Optional<ScheduledTurn> expired(long now) {
    return expiring.isEmpty() || expiring.first().expiry() > now
        ? Optional.empty()
        : Optional.of(expiring.first());
  }

  /** When the next turn expires, or {@link TurnRequest#NEVER}. */
  long nextExpiry() {
    return expiring.isEmpty() ? TurnRequest.NEVER : expiring.first().expiry();
  }

  /** The first {@code count} of those that wait and are not parked, in the order of arrival. */
  List<ScheduledTurn> waiting(int count) {
    return waiting.stream().limit(Math.max(0, count)).toList();
  }

  /** Those that run and are not parked, in the order of arrival. */
  List<ScheduledTurn> running() {
    return List.copyOf(running);
  }

  /** Those whose readers take no more. */
  List<ScheduledTurn> parked() {
    List<ScheduledTurn> parked = new ArrayList<>(parkedWaiting);
    parked.addAll(parkedRunning);
    return parked;
  }

  /** The latest parked turn that holds memory. */
  Optional<ScheduledTurn> latestParkedRunning() {
    return parkedRunning.isEmpty() ? Optional.empty() : Optional.of(parkedRunning.last());
  }

  /** The turn to preempt first: the latest parked one, otherwise the latest one. */
  Optional<ScheduledTurn> latestRunning() {
    return latestParkedRunning()
        .or(() -> running.isEmpty() ? Optional.empty() : Optional.of(running.last()));
  }

  int size() {
    return all.size();
  }

  int runningSize() {
    return running.size() + parkedRunning.size();
  }

  /** Those that read nothing more, but have not ended. */
  int restingSize() {
    return resting;
  }

  int parkedSize() {
    return parkedWaiting.size() + parkedRunning.size();
  }
}
