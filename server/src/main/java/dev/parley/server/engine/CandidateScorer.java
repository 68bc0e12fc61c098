package dev.parley.server.engine;

import dev.parley.server.rpc.RpcException;
import java.util.List;

/** Judges the candidates of a turn outside its engine, such as by another model. */
public interface CandidateScorer {
  /** Takes what was judged. Called once, on any thread. */
  interface Verdict {
    /** A score for each candidate, in order; the highest wins. */
    void scored(double[] scores);

    /** Nothing can be said; the turn fails. */
    void failed(RpcException error);
  }

  /**
   * Begins to judge; called on the engine thread, must not block.
   *
   * @param prompt the history and the message as the model saw them: turns, each with its end
   * @param replies the tokens of each candidate, without an end of turn
   */
  void score(int[] prompt, List<int[]> replies, Verdict verdict);
}
