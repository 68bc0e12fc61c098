package dev.parley.server.engine;

import dev.parley.server.engine.Plan.Grant;
import dev.parley.server.engine.Plan.Move;
import dev.parley.server.engine.Plan.Share;
import dev.parley.server.engine.PrefixOffers.Offer;
import dev.parley.server.engine.ScheduledTurn.Phase;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Decides what each step reads. It knows numbers only: no tensors, no tokens, no clock.
 *
 * <p>A turn is <em>queued</em> behind another one of its conversation, then <em>waiting</em> with a
 * known number of tokens, then <em>running</em> once the keys and values of all of them are
 * reserved. A step gives every running reply one token first and divides what is left of its budget
 * among the prompts, equal shares in the order of arrival, so that a long prompt holds nobody up.
 * Beside replies prompts get only a part of the budget, so that the replies keep their pace however
 * many turns arrive; those that would not be read within a few steps wait.
 *
 * <p>Candidates for a turn's reply are rows of their own, but not turns: where a step has fewer
 * rows than there are, every turn has one, whatever it brings, and what is left goes to candidates.
 *
 * <p>Memory is reserved for a whole prompt before its first token is read, and one token at a time
 * from then on, as {@link CacheRoom} says what it takes. Where it runs out, the longest idle
 * conversation loses its cache, then parked turns do, then the running turn that arrived last: it
 * waits again, at its old place. So the oldest turn always gets on, and with it every other in the
 * end. A waiting turn is not overtaken. What closed conversations left in the cache goes before
 * anything else.
 *
 * <p>A turn that starts takes over the beginning of its tokens where another conversation has it
 * cached, in memory that was reserved for it like that of a prompt that is read.
 *
 * <p>A step that is small enough to have tokens to spare nearly for free lets replies be guessed:
 * equal shares of what is left, in room that nobody else needs. What was guessed right is {@code
 * accept}ed; what was guessed wrong was never cached, as far as the scheduler knows.
 *
 * <p>The calls are {@code schedule}, then {@code apply} with its plan, then what became of the
 * sampled turns: {@code extend} and perhaps {@code accept}, or {@code finish}. A step costs what
 * its rows cost, however many conversations are idle and however many turns wait.
 */
final class Scheduler {
  /**
   * A turn starts beside running ones only where it leaves them each this many tokens to grow:
   * preempting it again at once would waste its prefill.
   */
  private static final int HEADROOM = 16;

  private static final Comparator<ScheduledTurn> LONGEST_WITHOUT =
      Comparator.comparingLong(turn -> turn.lastRow);

  /**
   * Of the turn that had none for the longest, the row that had none for the longest, and so on.
   */
  private static final Comparator<ScheduledTurn> TURN_LONGEST_WITHOUT =
      Comparator.<ScheduledTurn>comparingLong(turn -> turn.lead.lastOfAll)
          .thenComparing(LONGEST_WITHOUT);

  private final EngineLimits limits;
  private final PrefixOffers offers;
  private final Seats seats;
  private final TurnTable turns = new TurnTable();
  private final StepShares shares;
  private int candidates;
  private long step;
  private long rowsSoFar;

  /**
   * No conversations.
   *
   * @param rooms the room that a conversation's tokens take
   */
  Scheduler(EngineLimits limits, CacheRoom rooms, PrefixOffers offers) {
    this.limits = limits;
    this.offers = offers;
    this.seats = new Seats(limits.kvCapacityTokens(), rooms);
    this.shares = new StepShares(limits, seats);
  }

  /** A conversation begins. */
  void open(long conversation) {
    seats.open(conversation);
  }

  /**
   * A conversation is gone, with its turns.
   *
   * @param keep whether its cache may stay for others that begin alike; it is the first to go
   * @return whether it does, until a plan drops it
   */
  boolean close(long conversation, boolean keep) {
    Seat seat = seats.get(conversation);
    List.copyOf(seat.turns).forEach(turn -> finish(turn.id));
    seats.close(seat, keep);
    return seats.find(conversation) != null;
  }

  /**
   * A turn arrives.
   *
   * @param id greater than that of every turn before it
   */
  void enqueue(long id, long conversation, long startBy, long deadline) {
    turns.add(new ScheduledTurn(id, seats.get(conversation), startBy, deadline));
  }

  /**
   * A turn is the first of its conversation now.
   *
   * @param tokens of history and message; with room for them within the capacity
   * @param cached how many of them are cached; fewer than {@code tokens}
   */
  void ready(long id, int tokens, int cached) {
    ScheduledTurn turn = turns.get(id);
    turn.tokens = tokens;
    turns.phase(turn, Phase.WAITING);
    seats.keep(turn.seat, cached);
  }

  /** The first turn of its conversation has a reader that takes no more for now, or more again. */
  void park(long id, boolean parked) {
    turns.park(turns.get(id), parked);
  }

  /** Turns that may be in the next step, or even in one that is a little larger. */
  List<Long> candidates() {
    List<ScheduledTurn> running = turns.running();
    long taken = running.stream().filter(turn -> turn.lead == turn).count(); // candidates give way
    return Stream.concat(running.stream(), turns.waiting(limits.stepRows() - (int) taken).stream())
        .map(turn -> turn.id)
        .toList();
  }

  /** Turns whose readers take no more. */
  List<Long> parked() {
    return turns.parked().stream().map(turn -> turn.id).toList();
  }

  /** A turn's reply has one more token, still to be read. */
  void extend(long id) {
    turns.get(id).tokens++;
  }

  /** The token that the reply was just extended by had been guessed: it is read already. */
  void accept(long id) {
    seats.read(turns.get(id).seat, 1);
  }

  /** A turn's row had so many guesses in it; called before any of them is accepted. */
  void guessed(long id, int guesses) {
    Seat seat = turns.get(id).seat;
    seats.grow(seat, seat.cached + guesses);
  }

  /**
   * A row's guesses were checked, up to the first that was wrong.
   *
   * @param conversation of the row; one that ended with its reply, as a candidate's does, learns
   *     nothing
   */
  void checked(long conversation, int guessed, int accepted) {
    Seat seat = seats.find(conversation);
    if (seat != null) {
      seat.guesses.checked(guessed, accepted);
    }
  }

  /** A turn ended, and its candidates; what is cached of its conversation stays, evictable. */
  void finish(long id) {
    ScheduledTurn turn = turns.get(id);
    for (ScheduledTurn candidate : turn.candidates) {
      turns.remove(candidate);
      seats.close(candidate.seat, false);
      candidates--;
    }
    turns.remove(turn);
    if (turn.phase == Phase.RUNNING) {
      seats.release(turn.seat, step);
    }
  }

  /**
   * A turn that has read its whole prompt gets further candidates for its reply: rows of their own
   * that begin with the prompt and end with the turn. Idle caches make room for copies of the
   * prompt's keys and values; a candidate without room waits, and reads the prompt if need be.
   *
   * @param ids of the candidates, greater than the turn's and below those of turns that arrived
   *     after it; {@link #candidateSeat} is the conversation of each
   * @return what is to be dropped and copied at once, in this order
   */
  List<Move> fork(long id, List<Long> ids) {
    ScheduledTurn turn = turns.get(id);
    RoomMaker maker = new RoomMaker(seats, turns);
    for (long candidateId : ids) {
      Seat seat = seats.open(candidateSeat(candidateId));
      ScheduledTurn candidate =
          new ScheduledTurn(candidateId, seat, TurnRequest.NEVER, TurnRequest.NEVER);
      candidate.lead = turn;
      candidate.tokens = turn.tokens;
      turn.candidates.add(candidate);
      candidates++;
      turns.add(candidate);
      if (maker.freeIdle(seats.room(seat, turn.tokens + HEADROOM), turn.seat)) {
        turns.phase(candidate, Phase.RUNNING);
        seats.hold(seat, candidate, turn.tokens);
        seats.copy(seat, turn.tokens);
        maker.add(new Share(candidateId, seat.conversation, turn.seat.conversation, turn.tokens));
      } else {
        turns.phase(candidate, Phase.WAITING);
      }
    }
    return maker.moves();
  }

  /** The conversation of a candidate that a turn was given. */
  static long candidateSeat(long id) {
    return -id;
  }

  /** A candidate is whole: it reads nothing more, and what is cached of it is evictable. */
  void rest(long id) {
    ScheduledTurn turn = turns.get(id);
    if (turn.phase == Phase.RUNNING) {
      seats.release(turn.seat, step);
    }
    turns.phase(turn, Phase.RESTING);
  }

  /** A resting turn's conversation takes over what is cached of a resting candidate of it. */
  void adopt(long id, long candidate) {
    seats.adopt(turns.get(id).seat, turns.get(candidate).seat);
  }

  /** A running turn has no keys and values any more; it reads everything again. */
  void lose(long id) {
    seats.copy(turns.get(id).seat, 0);
  }

  /** What was cached of a conversation without a running turn is lost. */
  void forget(long conversation) {
    seats.forget(seats.get(conversation));
  }

  /**
   * Drops every cache that no running turn needs, because there is less memory than was thought.
   */
  List<Move> reclaim() {
    RoomMaker maker = new RoomMaker(seats, turns);
    maker.dropAllIdle();
    return maker.moves();
  }

  /** The next step. Whoever is expired or dropped in it is so from now on. */
  Plan schedule(long now) {
    step++;
    List<ScheduledTurn> late = new ArrayList<>();
    for (Optional<ScheduledTurn> next = turns.expired(now);
        next.isPresent();
        next = turns.expired(now)) {
      late.add(next.get());
      finish(next.get().id);
    }
    late.sort(ScheduledTurn.ARRIVAL);
    List<Long> overdue = late.stream().filter(turn -> turn.started).map(turn -> turn.id).toList();
    late.sort(ScheduledTurn.ARRIVAL.reversed());
    List<Long> expired = late.stream().filter(turn -> !turn.started).map(turn -> turn.id).toList();
    RoomMaker maker = new RoomMaker(seats, turns);
    List<ScheduledTurn> rows = reserveRunning(maker);
    while (rows.isEmpty() && !turns.running().isEmpty()) {
      rows = reserveRunning(maker); // the first choice gave way to turns that can go on without it
    }
    startWaiting(rows, maker);
    rows.sort(TURN_LONGEST_WITHOUT);
    for (ScheduledTurn turn : rows) {
      turn.lastRow = ++rowsSoFar;
      turn.lead.lastOfAll = rowsSoFar;
    }
    rows.sort(ScheduledTurn.ARRIVAL);
    return new Plan(maker.moves(), expired, overdue, shares.divide(rows), turns.nextExpiry());
  }

  /** The step was made: its tokens are cached. */
  void apply(Plan plan) {
    for (Grant grant : plan.grants()) {
      seats.read(seats.get(grant.conversation()), grant.tokens());
    }
  }

  /** The running turns of this step, each with room for what it reads. */
  private List<ScheduledTurn> reserveRunning(RoomMaker maker) {
    List<ScheduledTurn> kept = new ArrayList<>();
    for (ScheduledTurn turn : rows()) {
      if (turn.phase == Phase.RUNNING && maker.reserve(turn)) {
        kept.add(turn);
      }
    }
    return kept;
  }

  /**
   * The running turns that get a row: one of each turn and its candidates, those first that had
   * none for the longest, then further candidates, as long as they keep no waiting turn from
   * starting.
   */
  private List<ScheduledTurn> rows() {
    List<ScheduledTurn> running = turns.running();
    int most = limits.stepRows();
    int rest = candidates == 0 ? most : most - turns.waiting(1).size();
    if (running.size() <= rest) {
      return running;
    }
    Set<ScheduledTurn> leads = new HashSet<>();
    Set<ScheduledTurn> rows = new HashSet<>();
    running.stream()
        .sorted(TURN_LONGEST_WITHOUT) // stable: then by arrival
        .filter(turn -> leads.add(turn.lead))
        .limit(most)
        .forEach(rows::add);
    running.stream()
        .sorted(LONGEST_WITHOUT)
        .filter(turn -> !rows.contains(turn))
        .limit(Math.max(0, rest - rows.size()))
        .toList()
        .forEach(rows::add);
    return rows.stream().sorted(ScheduledTurn.ARRIVAL).toList();
  }

  /** Starts waiting turns in the order of arrival until one does not fit, or had better wait. */
  private void startWaiting(List<ScheduledTurn> rows, RoomMaker maker) {
    for (ScheduledTurn turn : turns.waiting(limits.stepRows() - rows.size())) {
      if (!shares.begins(turn, rows)) {
        return;
      }
      List<ScheduledTurn> others = turns.running();
      int headroom = others.isEmpty() ? 0 : HEADROOM;
      int grown = others.stream().mapToInt(other -> room(other, headroom)).sum();
      int reserved = others.stream().mapToInt(other -> seats.reserved(other.seat)).sum();
      int own = room(turn, headroom);
      if (own + grown > seats.capacity()) {
        return; // even everything that may be dropped would not do
      }
      start(turn, own + grown - reserved - seats.reserved(turn.seat), maker);
      rows.add(turn);
    }
  }

  /** The room that a turn takes with so many tokens more. */
  private int room(ScheduledTurn turn, int more) {
    return Math.max(seats.reserved(turn.seat), seats.room(turn.seat, turn.tokens + more));
  }

  /** Reserves a turn's memory, then takes over what another conversation has of its tokens. */
  private void start(ScheduledTurn turn, int room, RoomMaker maker) {
    Optional<Offer> offer = offers.find(turn.id);
    Seat source = offer.map(o -> seats.find(o.conversation())).orElse(null);
    maker.free(room, turn.seat, source);
    turns.phase(turn, Phase.RUNNING);
    seats.hold(turn.seat, turn, turn.tokens);
    int tokens = offer.map(Offer::tokens).orElse(0);
    if (source != null && tokens > turn.seat.cached && tokens <= source.cached) {
      maker.add(new Share(turn.id, turn.seat.conversation, source.conversation, tokens));
      seats.touch(source, step);
      seats.copy(turn.seat, tokens);
    }
  }

  /** The state as numbers. */
  EngineState state() {
    return new EngineState(
        seats.open() - candidates,
        turns.size() - turns.runningSize() - turns.restingSize(),
        turns.runningSize(),
        turns.parkedSize(),
        seats.activeRoom(),
        seats.idleRoom(),
        limits.kvCapacityTokens());
  }
}
