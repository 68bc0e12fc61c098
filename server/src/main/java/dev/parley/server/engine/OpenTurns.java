package dev.parley.server.engine;

import com.google.rpc.Code;
import dev.parley.server.engine.TurnOutcome.FinishReason;
import dev.parley.server.rpc.RpcException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The turns that have not ended, each conversation's in order, and the candidates for their
 * replies. A turn comes in once and goes out once; when it is gone, the next one of its
 * conversation is ready. Owned by the engine thread.
 */
final class OpenTurns {
  private static final Logger log = LoggerFactory.getLogger(OpenTurns.class);

  private final Scheduler scheduler;
  private final DialogueCaches caches;
  private final EngineObserver observer;
  private final LongSupplier clock;
  private final Consumer<Turn> ended;

  /** Until their sink is told of their end: whatever fails before, {@link #stop} tells it. */
  private final Map<Long, Turn> turns = new LinkedHashMap<>();

  private final Map<Long, Turn> candidates = new HashMap<>(); // beside the turns themselves

  /**
   * No turns.
   *
   * @param ended told about every turn that ended, after its sink
   */
  OpenTurns(
      Scheduler scheduler,
      DialogueCaches caches,
      EngineObserver observer,
      LongSupplier clock,
      Consumer<Turn> ended) {
    this.scheduler = scheduler;
    this.caches = caches;
    this.observer = observer;
    this.clock = clock;
    this.ended = ended;
  }

  /** A turn or a candidate; null where its turn has ended. */
  @Nullable Turn find(long id) {
    return turns.getOrDefault(id, candidates.get(id));
  }

  /** A turn that has not ended, or a candidate for its reply. */
  Turn get(long id) {
    Turn turn = find(id);
    if (turn == null) {
      throw new IllegalStateException("turn %d is unknown".formatted(id));
    }
    return turn;
  }

  /**
   * A message arrives.
   *
   * @param bargeIn whether the turns of its conversation before it are interrupted
   */
  void arrive(Turn turn, boolean bargeIn) {
    Dialogue dialogue = turn.dialogue;
    turns.put(turn.id, turn);
    if (dialogue.closed()) {
      tell(turn, () -> turn.sink.failed(EngineErrors.cancelled()), "cancelled");
      return;
    }
    if (bargeIn) {
      List.copyOf(dialogue.turns).forEach(this::interrupt);
    }
    scheduler.enqueue(turn.id, dialogue.id, turn.request.startBy(), turn.request.deadline());
    dialogue.turns.add(turn);
    if (dialogue.turns.peek() == turn) {
      ready(turn);
    }
  }

  /** A turn is the first of its conversation: its prompt is known now. */
  private void ready(Turn turn) {
    turn.dialogue.prepare(turn);
    scheduler.ready(turn.id, turn.tokens.size(), turn.dialogue.reuse(turn.tokens));
  }

  /** Another candidate for a turn's reply; it goes with its turn. */
  void compete(Turn candidate) {
    caches.open(candidate.dialogue);
    candidates.put(candidate.id, candidate);
  }

  /** Ends a turn early, with what was delivered. */
  void interrupt(Turn turn) {
    finish(turn, ReplyEnd.whole(FinishReason.INTERRUPTED, turn.delivered()));
  }

  /** Ends a turn with a reply. */
  void finish(Turn turn, ReplyEnd end) {
    scheduler.finish(turn.id);
    complete(turn, end);
  }

  /** Ends a turn without a reply. */
  void fail(Turn turn, RpcException error) {
    scheduler.finish(turn.id);
    String kind = error.toStatus().getCode() == Code.CANCELLED_VALUE ? "cancelled" : "failed";
    remove(turn, () -> tell(turn, () -> turn.sink.failed(error), kind));
  }

  /** A turn's time to start has passed; the scheduler has let go of it. */
  void expired(long id) {
    Turn turn = get(id);
    RpcException error = EngineErrors.expired(clock.getAsLong() - turn.arrival);
    remove(turn, () -> tell(turn, () -> turn.sink.failed(error), "expired"));
  }

  /** The caches of a turn's candidates go; may be called again. */
  void dropCandidates(Turn turn) {
    for (Turn other : turn.others()) {
      candidates.remove(other.id);
      other.dialogue.close();
      caches.drop(other.dialogue);
    }
  }

  /** A turn's deadline came in the middle of its reply; the scheduler has let go of it. */
  void overdue(long id) {
    Turn turn = get(id);
    complete(turn, ReplyEnd.whole(FinishReason.DEADLINE, turn.delivered()));
  }

  /** Every turn fails, whatever state it is in. */
  void stop(@Nullable Throwable cause) {
    for (Turn turn : List.copyOf(turns.values())) {
      tell(turn, () -> turn.sink.failed(EngineErrors.unavailable(cause)), "failed");
    }
  }

  private void complete(Turn turn, ReplyEnd end) {
    remove(turn, () -> commit(turn, end));
  }

  private void commit(Turn turn, ReplyEnd end) {
    FinishReason reason = end.reason();
    if (turn.promptTokens > 0) { // otherwise it was withdrawn while it waited behind another one
      boolean cutOff = reason == FinishReason.INTERRUPTED || reason == FinishReason.DEADLINE;
      turn.dialogue.commit(turn, end.kept(), !cutOff || end.kept().length > 0);
    }
    TurnOutcome outcome = turn.outcome(reason, end.stopText(), clock.getAsLong());
    tell(turn, () -> turn.sink.finished(outcome), reason.name().toLowerCase(Locale.ROOT));
  }

  /** The one way out of a conversation, once the scheduler has let go of a turn. */
  private void remove(Turn turn, Runnable end) {
    if (turn.candidates != null) {
      turn.candidates.close();
      dropCandidates(turn);
    }
    boolean first = turn.dialogue.turns.peek() == turn;
    turn.dialogue.turns.remove(turn);
    end.run();
    Turn next = turn.dialogue.turns.peek();
    if (first && next != null) {
      ready(next);
    }
  }

  /** The last that a sink hears. */
  private void tell(Turn turn, Runnable last, String reason) {
    turns.remove(turn.id);
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
}
