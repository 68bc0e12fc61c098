package dev.parley.server.engine;

import dev.parley.server.engine.EngineObserver.EvictionReason;
import dev.parley.server.engine.Plan.Drop;
import dev.parley.server.engine.Plan.Grant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Decides what each step reads. It knows numbers only: no tensors, no tokens, no clock.
 *
 * <p>A turn is <em>queued</em> behind another one of its conversation, then <em>waiting</em> with a
 * known number of tokens, then <em>running</em> once the keys and values of all of them are
 * reserved. A step gives every running reply one token first and divides what is left of its budget
 * among the prompts, equal shares in the order of arrival, so that a long prompt holds nobody up.
 *
 * <p>Memory is reserved for a whole prompt before its first token is read, and one token at a time
 * from then on. Where it runs out, the longest idle conversation loses its cache, then parked turns
 * do, then the running turn that arrived last: it waits again, at its old place. So the oldest turn
 * always gets on, and with it every other in the end. A waiting turn is not overtaken.
 *
 * <p>The calls are {@code schedule}, then {@code apply} with its plan, then what became of the
 * sampled turns: {@code extend} or {@code finish}.
 */
final class Scheduler {
  /**
   * A turn starts beside running ones only where it leaves them each this many tokens to grow:
   * preempting it again at once would waste its prefill.
   */
  private static final int HEADROOM = 16;

  private static final Comparator<Turn> ARRIVAL = Comparator.comparingLong(turn -> turn.id);

  private final EngineLimits limits;
  private final KvLedger ledger;
  private final Map<Long, Seat> seats = new LinkedHashMap<>();
  private final Map<Long, Turn> turns = new LinkedHashMap<>(); // in the order of arrival
  private long step;

  private enum Phase {
    /** Behind an earlier turn of its conversation. */
    QUEUED,
    /** Its tokens are known, its memory is not reserved. */
    WAITING,
    /** Its memory is reserved. */
    RUNNING
  }

  private static final class Turn {
    final long id;
    final Seat seat;
    final long startBy;
    final long deadline;
    Phase phase = Phase.QUEUED;
    boolean started;
    boolean parked;
    int tokens;
    long lastStep;

    Turn(long id, Seat seat, long startBy, long deadline) {
      this.id = id;
      this.seat = seat;
      this.startBy = startBy;
      this.deadline = deadline;
    }

    long expiry() {
      return started ? deadline : Math.min(startBy, deadline);
    }

    int pending() {
      return tokens - seat.cached;
    }
  }

  private static final class Seat {
    final long conversation;
    int cached;
    long lastUsed;
    @Nullable Turn running;

    Seat(long conversation) {
      this.conversation = conversation;
    }
  }

  Scheduler(EngineLimits limits) {
    this.limits = limits;
    this.ledger = new KvLedger(limits.kvCapacityTokens());
  }

  /** A conversation begins. */
  void open(long conversation) {
    seats.put(conversation, new Seat(conversation));
  }

  /** A conversation is gone, with its turns and its cache. */
  void close(long conversation) {
    turns.values().removeIf(turn -> turn.seat.conversation == conversation);
    ledger.set(conversation, 0);
    seats.remove(conversation);
  }

  /**
   * A turn arrives.
   *
   * @param id greater than that of every turn before it
   */
  void enqueue(long id, long conversation, long startBy, long deadline) {
    turns.put(id, new Turn(id, seat(conversation), startBy, deadline));
  }

  /**
   * A turn is the first of its conversation now.
   *
   * @param tokens of history and message; at most the capacity
   * @param cached how many of them are cached; fewer than {@code tokens}
   */
  void ready(long id, int tokens, int cached) {
    Turn turn = turn(id);
    turn.phase = Phase.WAITING;
    turn.tokens = tokens;
    turn.seat.cached = cached;
    ledger.set(turn.seat.conversation, cached);
  }

  /** A turn's reader takes no more for now, or takes more again. */
  void park(long id, boolean parked) {
    turn(id).parked = parked;
  }

  /** A turn's reply has one more token, still to be read. */
  void extend(long id) {
    turn(id).tokens++;
  }

  /** A turn ended; what is cached of its conversation stays, evictable. */
  void finish(long id) {
    Turn turn = turn(id);
    turns.remove(id);
    if (turn.seat.running == turn) {
      turn.seat.running = null;
      turn.seat.lastUsed = step;
    }
    if (turn.phase == Phase.RUNNING) {
      ledger.set(turn.seat.conversation, turn.seat.cached);
    }
  }

  /** What was cached of a conversation without a running turn is lost. */
  void forget(long conversation) {
    Seat seat = seat(conversation);
    seat.cached = 0;
    ledger.set(conversation, 0);
  }

  /** The next step. Whoever is expired or dropped in it is so from now on. */
  Plan schedule(long now) {
    step++;
    List<Long> expired = new ArrayList<>();
    List<Long> overdue = new ArrayList<>();
    for (Turn turn : List.copyOf(turns.values())) {
      if (turn.expiry() <= now) {
        (turn.started ? overdue : expired).add(turn.id);
        finish(turn.id);
      }
    }
    Collections.reverse(expired);
    List<Drop> dropped = new ArrayList<>();
    List<Turn> rows = reserveRunning(dropped);
    startWaiting(rows, dropped);
    List<Grant> grants = share(rows);
    long next = turns.values().stream().mapToLong(Turn::expiry).min().orElse(TurnRequest.NEVER);
    return new Plan(dropped, expired, overdue, grants, next);
  }

  /** The step was made: its tokens are cached. */
  void apply(Plan plan) {
    for (Grant grant : plan.grants()) {
      Turn turn = turns.get(grant.turn());
      if (turn != null) {
        turn.seat.cached += grant.tokens();
      }
    }
  }

  /** The running turns of this step, each with room for what it reads. */
  private List<Turn> reserveRunning(List<Drop> dropped) {
    List<Turn> rows =
        turns.values().stream()
            .filter(turn -> turn.phase == Phase.RUNNING && !turn.parked)
            .sorted(Comparator.<Turn>comparingLong(turn -> turn.lastStep).thenComparing(ARRIVAL))
            .limit(limits.stepRows())
            .sorted(ARRIVAL)
            .toList();
    List<Turn> kept = new ArrayList<>();
    for (Turn turn : rows) {
      if (turn.phase == Phase.RUNNING && reserve(turn, turn.tokens, dropped)) {
        kept.add(turn);
      }
    }
    return kept;
  }

  /** Reserves {@code tokens} for a running turn, at the cost of others or else of itself. */
  private boolean reserve(Turn turn, int tokens, List<Drop> dropped) {
    long conversation = turn.seat.conversation;
    while (tokens - ledger.of(conversation) > ledger.free()) {
      Optional<Seat> idle = longestIdle(seat -> seat != turn.seat);
      if (idle.isPresent()) {
        drop(idle.get(), EvictionReason.IDLE, dropped);
        continue;
      }
      Turn victim =
          turns.values().stream()
              .filter(other -> other.phase == Phase.RUNNING)
              .max(
                  Comparator.<Turn, Boolean>comparing(other -> other.parked).thenComparing(ARRIVAL))
              .orElseThrow();
      preempt(victim, dropped);
      if (victim == turn) {
        return false;
      }
    }
    ledger.set(conversation, tokens);
    return true;
  }

  /** Starts waiting turns in the order of arrival until one does not fit. */
  private void startWaiting(List<Turn> rows, List<Drop> dropped) {
    for (Turn turn : List.copyOf(turns.values())) {
      if (turn.phase != Phase.WAITING || turn.parked) {
        continue;
      }
      if (rows.size() >= limits.stepRows() || !makeRoom(turn, dropped)) {
        return;
      }
      turn.phase = Phase.RUNNING;
      turn.started = true;
      turn.seat.running = turn;
      ledger.set(turn.seat.conversation, turn.tokens);
      rows.add(turn);
    }
  }

  /** Drops nothing where even everything that may be dropped would not do. */
  private boolean makeRoom(Turn turn, List<Drop> dropped) {
    List<Turn> running = running(other -> true);
    int active = running.stream().filter(other -> !other.parked).mapToInt(this::reserved).sum();
    long others = running.stream().filter(other -> !other.parked).count();
    long headroom = others == 0 ? 0 : HEADROOM * (others + 1);
    if (turn.tokens + headroom > limits.kvCapacityTokens() - active) {
      return false;
    }
    while (turn.tokens + headroom - reserved(turn) > ledger.free()) {
      Optional<Seat> idle = longestIdle(seat -> seat != turn.seat);
      if (idle.isPresent()) {
        drop(idle.get(), EvictionReason.IDLE, dropped);
      } else {
        preempt(running(other -> other.parked).stream().max(ARRIVAL).orElseThrow(), dropped);
      }
    }
    return true;
  }

  private List<Grant> share(List<Turn> rows) {
    rows.sort(ARRIVAL);
    int[] shares =
        TokenBudget.divide(limits.stepTokens(), rows.stream().mapToInt(Turn::pending).toArray());
    List<Grant> grants = new ArrayList<>();
    for (int i = 0; i < shares.length; i++) {
      Turn turn = rows.get(i);
      turn.lastStep = step;
      boolean sample = shares[i] == turn.pending();
      grants.add(new Grant(turn.id, turn.seat.conversation, turn.seat.cached, shares[i], sample));
    }
    return grants;
  }

  private void preempt(Turn turn, List<Drop> dropped) {
    turn.phase = Phase.WAITING;
    turn.seat.running = null;
    drop(turn.seat, EvictionReason.PREEMPTED, dropped);
  }

  private void drop(Seat seat, EvictionReason reason, List<Drop> dropped) {
    dropped.add(new Drop(seat.conversation, seat.cached, reason));
    forget(seat.conversation);
  }

  private Optional<Seat> longestIdle(Predicate<Seat> which) {
    return idle().filter(which).min(Comparator.comparingLong(seat -> seat.lastUsed));
  }

  private Stream<Seat> idle() {
    return seats.values().stream().filter(seat -> seat.running == null && seat.cached > 0);
  }

  private List<Turn> running(Predicate<Turn> which) {
    return turns.values().stream()
        .filter(turn -> turn.phase == Phase.RUNNING)
        .filter(which)
        .toList();
  }

  private int reserved(Turn turn) {
    return ledger.of(turn.seat.conversation);
  }

  /** The state as numbers. */
  EngineState state() {
    Collection<Turn> all = turns.values();
    int cached = idle().mapToInt(seat -> seat.cached).sum();
    int running = (int) all.stream().filter(turn -> turn.phase == Phase.RUNNING).count();
    int parked = (int) all.stream().filter(turn -> turn.parked).count();
    return new EngineState(
        seats.size(),
        all.size() - running,
        running,
        parked,
        ledger.total() - cached,
        cached,
        limits.kvCapacityTokens());
  }

  private Turn turn(long id) {
    Turn turn = turns.get(id);
    if (turn == null) {
      throw new IllegalStateException("turn %d is not scheduled".formatted(id));
    }
    return turn;
  }

  private Seat seat(long conversation) {
    Seat seat = seats.get(conversation);
    if (seat == null) {
      throw new IllegalStateException("conversation %d is not open".formatted(conversation));
    }
    return seat;
  }
}
