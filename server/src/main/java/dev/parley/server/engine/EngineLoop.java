package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.server.engine.Plan.Grant;
import dev.parley.server.engine.PrefixOffers.Offer;
import dev.parley.server.engine.StepClock.Part;
import dev.parley.server.engine.StepRunner.Result;
import dev.parley.server.engine.StepRunner.Results;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the engine thread does: decide ({@link Scheduler}), step ({@link StepRunner}), deliver
 * ({@link ReplyTokens}). Everything here runs on that thread, but {@link #state} and {@link
 * #dialogue}.
 */
final class EngineLoop {
  private static final Logger log = LoggerFactory.getLogger(EngineLoop.class);

  /**
   * After so many steps in a row in which every row failed, the model and not a turn is at fault.
   */
  static final int HOPELESS_STEPS = 8;

  private final EngineLimits limits;
  private final EngineObserver observer;
  private final LongSupplier clock;
  private final DialogueCaches caches;
  private final Scheduler scheduler;
  private final CacheMoves moves;
  private final OpenTurns turns;
  private final Readers readers;
  private final StepRunner runner;
  private final ReplyTokens replies;
  private final StepClock stepClock;
  private int failedSteps;
  private volatile EngineState state;

  /**
   * A loop over a decoder.
   *
   * @param beforeCall told what each call into the model reads; where it throws, the call fails
   * @param ended told about every turn that ended, after its sink
   * @param asked told about every turn whose reader was asked, and whether he takes more
   * @param later runs something between two steps, from any thread
   */
  EngineLoop(
      Gpt2Decoder decoder,
      Consumer<List<Gpt2Decoder.Row>> beforeCall,
      EngineLimits limits,
      EngineObserver observer,
      LongSupplier clock,
      Consumer<Turn> ended,
      BiConsumer<Turn, Boolean> asked,
      Consumer<Runnable> later) {
    int endOfText = decoder.config().endOfText();
    this.limits = limits;
    this.observer = observer;
    this.clock = clock;
    this.caches = new DialogueCaches(decoder, observer);
    this.scheduler =
        new Scheduler(
            limits,
            CacheRoom.of(decoder.config().contextLength()),
            limits.sharePrefixes() ? this::offer : PrefixOffers.NONE);
    this.moves = new CacheMoves(scheduler, caches);
    this.turns = new OpenTurns(scheduler, caches, observer, clock, ended);
    this.readers = new Readers(turns, scheduler, asked);
    this.runner = new StepRunner(decoder, beforeCall, moves::giveUpMemory);
    this.stepClock = new StepClock(clock);
    this.replies =
        new ReplyTokens(
            turns,
            new BestOfRows(turns, scheduler, caches, moves, observer, clock, later),
            scheduler,
            new Sampler(decoder.config().vocabularySize(), endOfText),
            observer,
            stepClock,
            decoder.config().contextLength(),
            endOfText);
    this.state = EngineState.empty(limits);
  }

  private Optional<Offer> offer(long turn) {
    return caches.offer(turns.get(turn));
  }

  /** The state after the last step, for any thread. */
  EngineState state() {
    return state;
  }

  /** A conversation that may be opened; on any thread. */
  Dialogue dialogue(long id, int[] history) {
    return caches.make(id, history);
  }

  /** A conversation begins. */
  void open(Dialogue dialogue) {
    caches.open(dialogue);
    scheduler.open(dialogue.id);
  }

  /** A message arrives; with {@code bargeIn} it ends the turns of its conversation before it. */
  void submit(Turn turn, boolean bargeIn) {
    turns.arrive(turn, bargeIn);
  }

  /** Ends the first turn of a conversation whose sink is meant, with what was delivered. */
  void interrupt(Dialogue dialogue, Predicate<TurnSink> which) {
    dialogue.turns.stream()
        .filter(turn -> which.test(turn.sink))
        .findFirst()
        .ifPresent(turns::interrupt);
  }

  /** A conversation is gone. */
  void close(Dialogue dialogue) {
    for (Turn turn : List.copyOf(dialogue.turns)) {
      turns.fail(turn, EngineErrors.cancelled());
    }
    dialogue.close();
    boolean worthKeeping = limits.sharePrefixes() && dialogue.cached().size() >= PrefixIndex.BLOCK;
    if (!scheduler.close(dialogue.id, worthKeeping)) {
      caches.drop(dialogue);
    }
  }

  /** Parked readers are asked again before the next step. */
  void wake() {
    readers.askParked();
  }

  /** A conversation's reader is asked again before the next step. */
  void wake(Dialogue dialogue) {
    readers.ask(dialogue);
  }

  /** Every turn fails; no conversation is left. */
  void stop(@Nullable Throwable cause) {
    if (cause != null) {
      log.error("the engine stops: every turn fails", cause);
    }
    turns.stop(cause);
    caches.clear();
    state = EngineState.empty(limits);
    observer.state(state);
  }

  /**
   * One step.
   *
   * @return when the next one is due if nothing arrives before
   */
  long step() {
    stepClock.start();
    readers.ask();
    Plan plan = scheduler.schedule(clock.getAsLong());
    plan.overdue().forEach(id -> turns.dropCandidates(turns.get(id))); // moves may take their room
    Plan feasible = moves.make(plan);
    plan.expired().forEach(turns::expired);
    plan.overdue().forEach(turns::overdue);
    if (!feasible.grants().isEmpty()) {
      run(feasible);
    }
    state = scheduler.state();
    observer.state(state);
    return plan.grants().isEmpty() && plan.expired().isEmpty() && plan.overdue().isEmpty()
        ? plan.nextDeadline()
        : clock.getAsLong();
  }

  private void run(Plan plan) {
    long begin = clock.getAsLong();
    Map<Grant, Turn> rows = new LinkedHashMap<>();
    for (Grant grant : plan.grants()) {
      Turn turn = turns.get(grant.turn());
      turn.start(begin, grant.from(), observer);
      rows.put(grant, turn);
    }
    stepClock.lap(Part.SCHEDULING);
    try (Results results = runner.run(rows)) {
      stepClock.lap(Part.MODEL);
      scheduler.apply(plan);
      take(plan, rows, results, begin);
    }
  }

  /** Sees what became of the rows of a step. */
  private void take(Plan plan, Map<Grant, Turn> rows, Results results, long begin) {
    long end = clock.getAsLong();
    stepClock.lap(Part.SCHEDULING);
    int read = plan.grants().stream().mapToInt(Grant::tokens).sum();
    int sampled = 0;
    int decoded = 0;
    for (Map.Entry<Grant, Turn> row : rows.entrySet()) {
      Turn turn = row.getValue();
      Result result = results.of(row.getKey());
      if (result.error() != null) {
        replies.fail(turn, EngineErrors.internal(result.error()));
      } else if (row.getKey().sample()) {
        int before = turn.allGeneratedTokens();
        decoded += turn.generatedTokens > 0 && row.getKey().tokens() == 1 ? 1 : 0;
        replies.choose(turn, result, end);
        int more = turn.allGeneratedTokens() - before;
        sampled += more;
        turn.stepped(end, more, observer);
      }
      stepClock.lap(Part.DELIVERY);
    }
    observer.stepTimes(stepClock.times());
    observer.step(end - begin, rows.size(), read - decoded, sampled);
    requireHope(results.failure());
  }

  private void requireHope(@Nullable Throwable failure) {
    failedSteps = failure == null ? 0 : failedSteps + 1;
    if (failedSteps >= HOPELESS_STEPS) {
      throw new IllegalStateException(
          "the model failed on every row of %d steps in a row".formatted(failedSteps), failure);
    }
  }
}
