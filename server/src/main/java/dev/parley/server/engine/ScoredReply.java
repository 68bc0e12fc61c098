package dev.parley.server.engine;

import dev.parley.server.engine.TurnOutcome.FinishReason;
import java.util.OptionalDouble;

/**
 * A candidate for a reply, as it was judged.
 *
 * @param index its place among all candidates, those that failed included, see {@link BestOf#seed}
 * @param reason why it ended
 * @param generatedTokens of it, its end of turn included
 * @param logProbability sum over these tokens, in nats, as the model gives them before any sampling
 *     rule
 * @param score of the {@link CandidateScorer}, where there was one
 */
public record ScoredReply(
    int index,
    FinishReason reason,
    int generatedTokens,
    double logProbability,
    OptionalDouble score) {

  /** Nats per token, the end of turn included. */
  public double meanLogProbability() {
    return logProbability / generatedTokens;
  }
}
