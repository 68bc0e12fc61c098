package dev.parley.server.engine;

import dev.parley.server.engine.Candidates.End;
import dev.parley.server.rpc.RpcException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the candidates of turns, has them judged, and lets go of them. On the engine thread. */
final class BestOfRows {
  private static final Logger log = LoggerFactory.getLogger(BestOfRows.class);

  private final Scheduler scheduler;
  private final DialogueCaches caches;
  private final EngineObserver observer;
  private final LongSupplier clock;
  private final Consumer<Runnable> later;
  private final Loop loop;
  private final Map<Long, Turn> rows = new HashMap<>();

  /** What becomes of a turn with candidates. */
  interface Loop {
    /** Drops a cache, or copies one; what cannot be copied is read again. */
    void move(Plan.Move move);

    /** The turn has the tokens and the cache of its best candidate. */
    void chosen(Turn turn, End end);

    /** No candidate can be chosen. */
    void failed(Turn turn, RpcException error);
  }

  /**
   * Candidates of the turns of an engine.
   *
   * @param caches of the engine's conversations; those of candidates are added and dropped
   * @param later runs something on the engine thread, from any thread
   */
  BestOfRows(
      Scheduler scheduler,
      DialogueCaches caches,
      EngineObserver observer,
      LongSupplier clock,
      Consumer<Runnable> later,
      Loop loop) {
    this.scheduler = scheduler;
    this.caches = caches;
    this.observer = observer;
    this.clock = clock;
    this.later = later;
    this.loop = loop;
  }

  /** The candidate with this id, beside the turns themselves. */
  @Nullable Turn row(long id) {
    return rows.get(id);
  }

  /** The candidates for a turn's reply beside the turn itself. */
  static List<Turn> others(Turn turn) {
    return turn.candidates == null ? List.of() : turn.candidates.others();
  }

  /**
   * A turn has read its prompt: it competes with others from here on.
   *
   * @return all candidates, the turn first; the logits after the prompt are for each of them
   */
  List<Turn> fork(Turn turn) {
    int count = turn.request.bestOf().candidates();
    List<Long> ids = LongStream.range(turn.id + 1, turn.id + count).boxed().toList();
    List<Plan.Move> moves = scheduler.fork(turn.id, ids);
    Candidates candidates = turn.compete();
    for (int i = 1; i < count; i++) {
      long id = turn.id + i;
      Dialogue room = caches.make(Scheduler.candidateSeat(id), new int[0]);
      Turn candidate = turn.candidate(id, i, room);
      candidates.turns().add(candidate);
      caches.open(room);
      rows.put(id, candidate);
    }
    moves.forEach(loop::move);
    return candidates.turns();
  }

  /** A candidate ended; after the last one the choice is made. */
  void ended(Turn candidate, Candidates candidates, End end) {
    scheduler.rest(candidate.id);
    if (!candidates.ended(candidate, end)) {
      return;
    }
    Turn turn = candidates.lead();
    List<Turn> eligible = candidates.eligible();
    Optional<CandidateScorer> scorer = turn.request.bestOf().scorer();
    if (eligible.isEmpty()) {
      loop.failed(turn, candidates.failure().orElseThrow());
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
            later.accept(() -> whileOpen(candidates, () -> loop.failed(turn, error)));
          }
        };
    try {
      scorer.score(turn.tokens.slice(0, turn.promptTokens), replies, verdict);
    } catch (RuntimeException e) {
      log.warn("candidates cannot be judged", e);
      loop.failed(turn, EngineErrors.internal(e));
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
    loop.chosen(turn, candidates.end(best));
  }

  /** A turn ended, however: its other candidates are gone. */
  void close(Candidates candidates) {
    candidates.close();
    for (Turn other : candidates.others()) {
      rows.remove(other.id);
      other.dialogue.close();
      caches.drop(other.dialogue);
    }
  }
}
