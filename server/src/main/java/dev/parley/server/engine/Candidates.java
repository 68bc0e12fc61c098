package dev.parley.server.engine;

import dev.parley.server.rpc.RpcException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The replies that one turn is chosen from. Candidate 0 is the turn itself and goes on in its
 * conversation's cache; each other one is a turn without a place and without a reader, in a
 * conversation of its own that ends with the choice. Owned by the engine thread.
 */
final class Candidates {
  private final List<Turn> turns = new ArrayList<>();
  private final Map<Turn, ReplyEnd> ends = new HashMap<>();
  private List<ScoredReply> scored = List.of();
  private int chosen = -1;
  private boolean open = true;

  Candidates(Turn turn) {
    turns.add(turn);
  }

  /** The turn that the candidates are made for. */
  Turn lead() {
    return turns.get(0);
  }

  /** All of them, in the order of their seeds. */
  List<Turn> turns() {
    return turns;
  }

  /** Those beside the turn itself. */
  List<Turn> others() {
    return turns.subList(1, turns.size());
  }

  /** One ended; returns whether all have. */
  boolean ended(Turn turn, ReplyEnd end) {
    ends.put(turn, end);
    return ends.size() == turns.size();
  }

  /** Those that can be chosen, in the order of their seeds. */
  List<Turn> eligible() {
    return turns.stream().filter(turn -> end(turn).error() == null).toList();
  }

  /** Why the first one failed. */
  Optional<RpcException> failure() {
    return turns.stream()
        .flatMap(turn -> Optional.ofNullable(end(turn).error()).stream())
        .findFirst();
  }

  ReplyEnd end(Turn turn) {
    ReplyEnd end = ends.get(turn);
    if (end == null) {
      throw new IllegalStateException("candidate %d has not ended".formatted(turn.id));
    }
    return end;
  }

  /** The turn has ended; nothing is chosen any more. */
  void close() {
    open = false;
  }

  /** Whether the turn has not ended. */
  boolean open() {
    return open;
  }

  /** Tokens that were generated so far, by all of them. */
  int generatedTokens() {
    return turns.stream().mapToInt(turn -> turn.generatedTokens).sum();
  }

  /**
   * Chooses among those that are eligible: the highest score wins; among equals, and where there
   * are no scores, the highest mean log-probability; among equals the first.
   *
   * @param scores one for each, in order, or empty
   */
  Turn choose(double[] scores) {
    List<Turn> eligible = eligible();
    List<ScoredReply> replies = new ArrayList<>();
    for (int i = 0; i < eligible.size(); i++) {
      Turn turn = eligible.get(i);
      replies.add(
          new ScoredReply(
              turns.indexOf(turn),
              end(turn).reason(),
              turn.generatedTokens,
              turn.logProbability,
              scores.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(scores[i])));
    }
    int best = 0;
    for (int i = 1; i < replies.size(); i++) {
      if (better(replies.get(i), replies.get(best))) {
        best = i;
      }
    }
    scored = List.copyOf(replies);
    chosen = best;
    return eligible.get(best);
  }

  private static boolean better(ScoredReply reply, ScoredReply best) {
    int byScore =
        Double.compare(
            reply.score().orElse(0), best.score().orElse(0)); // both have one, or neither has
    return byScore != 0 ? byScore > 0 : reply.meanLogProbability() > best.meanLogProbability();
  }

  /** As they were judged; empty before the choice. */
  List<ScoredReply> scored() {
    return scored;
  }

  /** The place of the chosen one in {@link #scored}; -1 before the choice. */
  int chosen() {
    return chosen;
  }
}
