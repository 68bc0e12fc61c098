package dev.parley.server.engine;

import java.util.List;
import java.util.Map;

/**
 * How a reply is chosen, every default filled in. Ranges are the caller's to check: they are those
 * of {@code parley.v1.GenerationParameters}.
 *
 * @param maxNewTokens the longest reply
 * @param minNewTokens no end of turn before
 * @param sample false takes the most probable token
 * @param temperature divides the logits
 * @param topK only the most probable ones; 0 keeps all
 * @param topP only the most probable ones that sum up to it; 1 keeps all
 * @param minP only those at least so probable against the most probable one; 0 keeps all
 * @param typicalP locally typical sampling; 1 keeps all
 * @param repetitionPenalty of tokens of the conversation; 1 has no effect
 * @param presencePenalty of tokens of this reply, once
 * @param frequencyPenalty of tokens of this reply, each time
 * @param noRepeatNgramSize sequences that do not occur twice; 0 allows all
 * @param logitBias added, by token id
 * @param badSequences token sequences that are not completed
 * @param seed of the random numbers
 */
public record SamplingParameters(
    int maxNewTokens,
    int minNewTokens,
    boolean sample,
    float temperature,
    int topK,
    float topP,
    float minP,
    float typicalP,
    float repetitionPenalty,
    float presencePenalty,
    float frequencyPenalty,
    int noRepeatNgramSize,
    Map<Integer, Float> logitBias,
    List<int[]> badSequences,
    long seed) {
  /** A logit of thousands, divided by it, is still a float. */
  private static final float LEAST_TEMPERATURE = 1e-30f;

  /** Raises a temperature so small that a logit divided by it would not be a float. */
  public SamplingParameters {
    temperature = Math.max(temperature, LEAST_TEMPERATURE);
  }

  /** The most probable token each time. */
  public static SamplingParameters greedy(int maxNewTokens) {
    return new SamplingParameters(
        maxNewTokens, 0, false, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), 0);
  }

  /** The same with another seed. */
  SamplingParameters withSeed(long other) {
    return new SamplingParameters(
        maxNewTokens,
        minNewTokens,
        sample,
        temperature,
        topK,
        topP,
        minP,
        typicalP,
        repetitionPenalty,
        presencePenalty,
        frequencyPenalty,
        noRepeatNgramSize,
        logitBias,
        badSequences,
        other);
  }

  /** Whether the most probable token is what the raw logits say. */
  boolean plainGreedy() {
    return !sample && plain();
  }

  /** Whether every token may come up, as probable as the raw logits and the temperature say. */
  boolean plainDraw() {
    return sample && topK == 0 && topP == 1 && minP == 0 && typicalP == 1 && plain();
  }

  private boolean plain() {
    return minNewTokens == 0
        && repetitionPenalty == 1
        && presencePenalty == 0
        && frequencyPenalty == 0
        && noRepeatNgramSize == 0
        && logitBias.isEmpty()
        && badSequences.isEmpty();
  }
}
