package dev.parley.server.engine;

import dev.parley.server.rpc.RpcException;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;

/** Makes the candidates for the replies of turns, and chooses among them. On the engine thread. */
final class BestOfRows {
  private final OpenTurns turns;
  private final Scheduler scheduler;
  private final DialogueCaches caches;
  private final CacheMoves moves;
  private final EngineObserver observer;
  private final LongSupplier clock;
  private final Consumer<Runnable> later;

  /**
   * Candidates of the turns of an engine.
   *
   * @param later runs something on the engine thread, from any thread
   */
  BestOfRows(
      OpenTurns turns,
      Scheduler scheduler,
      DialogueCaches caches,
      CacheMoves moves,
      EngineObserver observer,
      LongSupplier clock,
      Consumer<Runnable> later) {
    this.turns = turns;
    this.scheduler = scheduler;
    this.caches = caches;
    this.moves = moves;
    this.observer = observer;
    this.clock = clock;
    this.later = later;
  }

  /**
   * A turn has read its prompt: it competes with others from here on.
   *
   * @return all candidates, the turn first; the logits after the prompt are for each of them
   */
  List<Turn> fork(Turn turn) {
    int count = turn.request.bestOf().candidates();
    List<Long> ids = LongStream.range(turn.id + 1, turn.id + count).boxed().toList();
    List<Plan.Move> copies = scheduler.fork(turn.id, ids);
    Candidates candidates = turn.compete();
    for (int i = 1; i < count; i++) {
      long id = turn.id + i;
      Dialogue room = caches.make(Scheduler.candidateSeat(id), new int[0]);
      Turn candidate = turn.candidate(id, i, room);
      candidates.turns().add(candidate);
      turns.compete(candidate);
    }
    copies.forEach(moves::make);
    return candidates.turns();
  }

  /** A candidate ended; after the last one the choice is made. */
  void ended(Turn candidate, Candidates candidates, ReplyEnd end) {
    scheduler.rest(candidate.id);
    if (!candidates.ended(candidate, end)) {
      return;
    }
    Turn turn = candidates.lead();
    List<Turn> eligible = candidates.eligible();
    Optional<CandidateScorer> scorer = turn.request.bestOf().scorer();
    if (eligible.isEmpty()) {
      turns.fail(turn, candidates.failure().orElseThrow());
    } else if (scorer.isEmpty()) {
      choose(candidates, new double[0]);
    } else {
      judge(candidates, eligible, scorer.get());
    }
  }

  private void judge(Candidates candidates, List<Turn> eligible, CandidateScorer scorer) {
    Turn turn = candidates.lead();
    List<int[]> replies = eligible.stream().map(c -> candidates.end(c).kept()).toList();
    CandidateScorer.Verdict verdict =
        new CandidateScorer.Verdict() {
          @Override
          public void scored(double[] scores) {
            later.accept(() -> whileOpen(candidates, () -> choose(candidates, scores)));
          }

          @Override
          public void failed(RpcException error) {
            later.accept(() -> whileOpen(candidates, () -> turns.fail(turn, error)));
          }
        };
    try {
      scorer.score(turn.tokens.slice(0, turn.promptTokens), replies, verdict);
    } catch (RuntimeException e) {
      turns.fail(turn, EngineErrors.internal(e));
    }
  }

  /** Does something, unless the turn has ended meanwhile. */
  private static void whileOpen(Candidates candidates, Runnable action) {
    if (candidates.open()) {
      action.run();
    }
  }

  private void choose(Candidates candidates, double[] scores) {
    Turn turn = candidates.lead();
    Turn best = candidates.choose(scores);
    // A cache that was evicted meanwhile is worth less than the prompt's.
    if (best != turn && best.dialogue.cached().size() > 0) {
      turn.dialogue.adopt(best.dialogue);
      scheduler.adopt(turn.id, best.id);
    }
    turn.choose(best, clock.getAsLong(), observer);
    ReplyEnd end = candidates.end(best);
    try {
      for (int token : end.reply()) {
        turn.draft.token(token);
      }
    } catch (RuntimeException e) {
      turns.fail(turn, EngineErrors.internal(e));
      return;
    }
    turns.finish(turn, end);
  }
}
