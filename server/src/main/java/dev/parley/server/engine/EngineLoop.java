package dev.parley.server.engine;

import com.google.rpc.Code;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Logits;
import dev.parley.server.engine.Candidates.End;
import dev.parley.server.engine.EngineObserver.EvictionReason;
import dev.parley.server.engine.Plan.Grant;
import dev.parley.server.engine.StepClock.Part;
import dev.parley.server.engine.StepRunner.Result;
import dev.parley.server.engine.StepRunner.Results;
import dev.parley.server.engine.TurnOutcome.FinishReason;
import dev.parley.server.rpc.RpcException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the engine thread does: decide, step, deliver. Everything here runs on that thread, but
 * {@link #state}.
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
  private final Consumer<Turn> ended;
  private final int contextLength;
  private final int endOfText;
  private final DialogueCaches caches;
  private final Scheduler scheduler;
  private final StepRunner runner;
  private final Sampler sampler;
  private final StepClock stepClock;
  private final BestOfRows bestOf;
  private final Map<Long, Turn> turns = new LinkedHashMap<>();
  private int failedSteps;
  private volatile EngineState state;

  /**
   * A loop over a decoder.
   *
   * @param beforeCall told what each call into the model reads; where it throws, the call fails
   * @param ended told about every turn that ended, after its sink
   * @param later runs something between two steps, from any thread
   */
  EngineLoop(
      Gpt2Decoder decoder,
      Consumer<List<Gpt2Decoder.Row>> beforeCall,
      EngineLimits limits,
      EngineObserver observer,
      LongSupplier clock,
      Consumer<Turn> ended,
      Consumer<Runnable> later) {
    this.limits = limits;
    this.observer = observer;
    this.clock = clock;
    this.ended = ended;
    this.contextLength = decoder.config().contextLength();
    this.endOfText = decoder.config().endOfText();
    this.caches = new DialogueCaches(decoder, observer);
    this.scheduler =
        new Scheduler(
            limits, limits.sharePrefixes() ? id -> caches.offer(turn(id)) : PrefixOffers.NONE);
    this.runner = new StepRunner(decoder, beforeCall, this::giveUpMemory);
    this.stepClock = new StepClock(clock);
    this.sampler = new Sampler(decoder.config().vocabularySize(), endOfText);
    this.bestOf = new BestOfRows(scheduler, caches, observer, clock, later, new Chosen());
    this.state = EngineState.empty(limits);
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

  /** A message arrives. */
  void submit(Turn turn) {
    if (turn.dialogue.closed()) {
      deliver(turn, () -> turn.sink.failed(EngineErrors.cancelled()), "cancelled");
      return;
    }
    turns.put(turn.id, turn);
    scheduler.enqueue(turn.id, turn.dialogue.id, turn.request.startBy(), turn.request.deadline());
    turn.dialogue.turns.add(turn);
    if (turn.dialogue.turns.peek() == turn) {
      ready(turn);
    }
  }

  /** Ends the first turn of a conversation whose sink is meant, with what was delivered. */
  void interrupt(Dialogue dialogue, Predicate<TurnSink> which) {
    dialogue.turns.stream()
        .filter(turn -> which.test(turn.sink))
        .findFirst()
        .ifPresent(this::interrupt);
  }

  /** Ends every turn of a conversation in order, each with what was delivered. */
  void interruptAll(Dialogue dialogue) {
    for (Turn turn : List.copyOf(dialogue.turns)) {
      interrupt(turn);
    }
  }

  /** A conversation is gone. */
  void close(Dialogue dialogue) {
    for (Turn turn : List.copyOf(dialogue.turns)) {
      fail(turn, EngineErrors.cancelled());
    }
    dialogue.close();
    boolean worthKeeping = limits.sharePrefixes() && dialogue.cached().size() >= PrefixIndex.BLOCK;
    if (!scheduler.close(dialogue.id, worthKeeping)) {
      caches.drop(dialogue);
    }
  }

  /**
   * One step.
   *
   * @return when the next one is due if nothing arrives before
   */
  long step() {
    stepClock.start();
    lookAtReaders();
    Plan plan = scheduler.schedule(clock.getAsLong());
    Plan feasible = move(plan);
    for (long id : plan.expired()) {
      remove(
          id,
          turn ->
              deliver(turn, () -> turn.sink.failed(EngineErrors.expired(waited(turn))), "expired"));
    }
    for (long id : plan.overdue()) {
      remove(id, turn -> complete(turn, FinishReason.DEADLINE, "", turn.delivered()));
    }
    if (!feasible.grants().isEmpty()) {
      run(feasible);
    }
    state = scheduler.state();
    observer.state(state);
    return plan.grants().isEmpty() && plan.expired().isEmpty() && plan.overdue().isEmpty()
        ? plan.nextDeadline()
        : clock.getAsLong();
  }

  /** Does what a plan says about cached keys and values; returns what can still be done of it. */
  private Plan move(Plan plan) {
    Plan left = plan;
    for (Plan.Move move : plan.moves()) {
      if (!move(move) && move instanceof Plan.Share share) {
        left = left.without(share.turn());
      }
    }
    return left;
  }

  /** Drops what is cached of idle conversations; false where there is nothing. */
  private boolean giveUpMemory() {
    List<Plan.Drop> dropped = scheduler.reclaim();
    dropped.forEach(caches::drop);
    return !dropped.isEmpty();
  }

  /** Drops or copies a cache; false where that failed: it is read in the next steps. */
  private boolean move(Plan.Move move) {
    if (move instanceof Plan.Drop drop) {
      caches.drop(drop);
    } else if (move instanceof Plan.Share share && !caches.share(share)) {
      scheduler.lose(share.turn());
      return false;
    }
    return true;
  }

  /** Every turn fails; no conversation is left. */
  void stop(@Nullable Throwable cause) {
    if (cause != null) {
      log.error("the engine stops: every turn fails", cause);
      observer.unhealthy(cause);
    }
    for (Turn turn : List.copyOf(turns.values())) {
      turns.remove(turn.id);
      deliver(turn, () -> turn.sink.failed(EngineErrors.unavailable(cause)), "failed");
    }
    caches.clear();
    state = EngineState.empty(limits);
    observer.state(state);
  }

  /** Parked readers are asked again before the next step. */
  void wake() {
    scheduler.parked().forEach(id -> lookAt(turn(id)));
  }

  /** A conversation's reader is asked again before the next step, if it is parked. */
  void wake(Dialogue dialogue) {
    Turn first = dialogue.turns.peek();
    if (first != null) {
      lookAt(first);
      BestOfRows.others(first).forEach(this::lookAt);
    }
  }

  /** Asks the readers of the next step, and of whoever moves up for one that is parked. */
  private void lookAtReaders() {
    Set<Long> looked = new HashSet<>();
    boolean movedUp = true;
    while (movedUp) {
      movedUp = false;
      for (long id : scheduler.candidates()) {
        movedUp |= looked.add(id) && !lookAt(turn(id));
      }
    }
  }

  private boolean lookAt(Turn turn) {
    try {
      boolean ready = turn.sink.ready();
      scheduler.park(turn.id, !ready);
      return ready;
    } catch (RuntimeException e) {
      fail(turn, internal(e));
      return false;
    }
  }

  private void run(Plan plan) {
    long begin = clock.getAsLong();
    Map<Grant, Turn> rows = new LinkedHashMap<>();
    for (Grant grant : plan.grants()) {
      Turn turn = turn(grant.turn());
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
        failRow(turn, internal(result.error()));
      } else if (row.getKey().sample()) {
        int before = turn.generatedTokens;
        decoded += before > 0 && row.getKey().tokens() == 1 ? 1 : 0;
        sample(turn, result, end);
        sampled += turn.generatedTokens - before;
        turn.stepped(end, turn.generatedTokens - before, observer);
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

  /**
   * Chooses tokens of a reply: the next one, and on as long as they are those that were guessed.
   * The first one of a turn with several candidates is chosen for each of them.
   */
  private void sample(Turn turn, Result result, long now) {
    int[] guesses = result.guesses();
    int accepted = 0;
    if (turn.candidates == null && turn.request.bestOf().candidates() > 1) {
      bestOf.fork(turn).forEach(candidate -> sampled(candidate, result.logits().get(0), now));
    } else {
      while (sampled(turn, result.logits().get(accepted), now)
          && accepted < guesses.length
          && turn.tokens.get(turn.tokens.size() - 1) == guesses[accepted]) {
        turn.dialogue.read(guesses[accepted]);
        scheduler.accept(turn.id);
        accepted++;
      }
    }
    if (guesses.length > 0) {
      scheduler.checked(turn.dialogue.id, guesses.length, accepted);
      observer.guessed(accepted, guesses.length - accepted);
    }
  }

  /**
   * Chooses the next token of a reply and sees what becomes of it.
   *
   * @return whether the reply goes on
   */
  private boolean sampled(Turn turn, Logits logits, long now) {
    SamplingParameters sampling = turn.sampling;
    int token;
    try {
      token = sampler.choose(logits, sampling, turn.tokens, turn.promptTokens, turn.draft::allows);
      stepClock.lap(Part.SAMPLING);
    } catch (Sampler.NoTokenException e) {
      failRow(turn, EngineErrors.noToken(e));
      return false;
    } catch (RuntimeException e) {
      failRow(turn, internal(e));
      return false;
    }
    turn.generated(now);
    if (turn.candidates != null) {
      turn.logProbability += LogProbability.of(logits, sampling.temperature(), token);
    }
    if (token == endOfText) {
      ended(turn, FinishReason.END_OF_TURN, "", turn.reply());
      return false;
    }
    turn.tokens.add(token);
    TurnSink.Stop stop;
    try {
      stop = turn.draft.token(token);
    } catch (RuntimeException e) {
      fail(turn, internal(e));
      return false;
    }
    if (stop != null) {
      ended(turn, FinishReason.STOP_TEXT, stop.text(), stop.keptTokens());
    } else if (turn.generatedTokens >= sampling.maxNewTokens()) {
      ended(turn, FinishReason.MAX_TOKENS, "", turn.reply());
    } else if (turn.tokens.size() >= contextLength) {
      ended(turn, FinishReason.CONTEXT_FULL, "", turn.reply());
    } else {
      scheduler.extend(turn.id);
      return true;
    }
    return false;
  }

  /** A turn is the first of its conversation: its prompt is known now. */
  private void ready(Turn turn) {
    turn.dialogue.prepare(turn);
    scheduler.ready(turn.id, turn.tokens.size(), turn.dialogue.reuse(turn.tokens));
  }

  /** A reply is whole, or a candidate for one. */
  private void ended(Turn turn, FinishReason reason, String stopText, int[] kept) {
    if (turn.candidates == null) {
      finish(turn, reason, stopText, kept);
    } else {
      bestOf.ended(turn, turn.candidates, End.of(reason, stopText, turn.reply(), kept));
    }
  }

  /** Ends a turn early, with what was delivered. */
  private void interrupt(Turn turn) {
    finish(turn, FinishReason.INTERRUPTED, "", turn.delivered());
  }

  private void finish(Turn turn, FinishReason reason, String stopText, int[] kept) {
    scheduler.finish(turn.id);
    remove(turn.id, t -> complete(t, reason, stopText, kept));
  }

  private void fail(Turn turn, RpcException error) {
    if (bestOf.row(turn.id) != null) { // a turn without a reader: the others compete on
      failRow(turn, error);
      return;
    }
    scheduler.finish(turn.id);
    String kind = error.toStatus().getCode() == Code.CANCELLED_VALUE ? "cancelled" : "failed";
    remove(turn.id, t -> deliver(t, () -> t.sink.failed(error), kind));
  }

  /** A turn failed in a step that left its cache in doubt. */
  private void failRow(Turn turn, RpcException error) {
    int tokens = turn.tokens.size();
    log.warn(
        "turn {} of conversation {} failed: {}", turn.id, turn.dialogue.id, error.getMessage());
    scheduler.rest(turn.id);
    scheduler.forget(turn.dialogue.id);
    turn.dialogue.forget();
    observer.evicted(EvictionReason.FAILED, tokens);
    if (turn.candidates != null) {
      bestOf.ended(turn, turn.candidates, End.failed(error));
      return;
    }
    scheduler.finish(turn.id);
    remove(turn.id, t -> deliver(t, () -> t.sink.failed(error), "failed"));
  }

  private void complete(Turn turn, FinishReason reason, String stopText, int[] reply) {
    long now = clock.getAsLong();
    if (turn.promptTokens > 0) { // otherwise it was withdrawn while it waited behind another one
      boolean cutOff = reason == FinishReason.INTERRUPTED || reason == FinishReason.DEADLINE;
      turn.dialogue.commit(turn, reply, !cutOff || reply.length > 0);
    }
    TurnOutcome outcome = turn.outcome(reason, stopText, now);
    deliver(turn, () -> turn.sink.finished(outcome), reason.name().toLowerCase(Locale.ROOT));
  }

  /**
   * The one way out of a turn, once the scheduler has let go of it; afterwards the next turn of its
   * conversation is ready.
   */
  private void remove(long id, Consumer<Turn> end) {
    Turn turn = turn(id);
    turns.remove(id);
    if (turn.candidates != null) {
      bestOf.close(turn.candidates);
    }
    boolean first = turn.dialogue.turns.peek() == turn;
    turn.dialogue.turns.remove(turn);
    end.accept(turn);
    Turn next = turn.dialogue.turns.peek();
    if (first && next != null) {
      ready(next);
    }
  }

  private void deliver(Turn turn, Runnable last, String reason) {
    try {
      last.run();
    } catch (Throwable e) { // errors too: the turn's place is given back, the other turns end
      log.warn("the reader of turn {} failed at its end", turn.id, e);
    }
    observer.turnEnded(
        reason,
        clock.getAsLong() - turn.arrival,
        turn.started ? turn.promptTokens - turn.cachedPromptTokens : 0,
        turn.cachedPromptTokens,
        turn.allGeneratedTokens());
    ended.accept(turn);
  }

  private long waited(Turn turn) {
    return clock.getAsLong() - turn.arrival;
  }

  private Turn turn(long id) {
    Turn turn = turns.getOrDefault(id, bestOf.row(id));
    if (turn == null) {
      throw new IllegalStateException("turn %d is unknown".formatted(id));
    }
    return turn;
  }

  /** Where turns with candidates go on. */
  private final class Chosen implements BestOfRows.Loop {
    @Override
    public void move(Plan.Move move) {
      EngineLoop.this.move(move);
    }

    @Override
    public void chosen(Turn turn, End end) {
      try {
        for (int token : end.reply()) {
          turn.draft.token(token);
        }
      } catch (RuntimeException e) {
        fail(turn, internal(e));
        return;
      }
      finish(turn, end.reason(), end.stopText(), end.kept());
    }

    @Override
    public void failed(Turn turn, RpcException error) {
      fail(turn, error);
    }
  }

  private static RpcException internal(Throwable cause) {
    log.warn("a turn fails", cause);
    return EngineErrors.internal(cause);
  }
}
