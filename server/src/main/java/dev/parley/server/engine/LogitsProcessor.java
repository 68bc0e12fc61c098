package dev.parley.server.engine;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;

/**
 * Turns a row of logits into scores to choose from, {@code -Infinity} for what is out. The rules
 * and their order are those of Hugging Face transformers 4.57 ({@code
 * generation/logits_process.py}, {@code GenerationMixin._get_logits_processor}): bias, repetition
 * penalty, n-grams, bad sequences, shortest length; then presence and frequency penalties, which
 * are OpenAI's and not there; then, for sampling, temperature, top k, top p, min p, typical p. Not
 * thread-safe: it keeps buffers of the vocabulary's size.
 */
final class LogitsProcessor {
  private final float[] scores;
  private final int[] heap;
  private final double[] keys;
  private final BitSet seen = new BitSet();

  LogitsProcessor(int vocabularySize) {
    this.scores = new float[vocabularySize];
    this.heap = new int[vocabularySize];
    this.keys = new double[vocabularySize];
  }

  /** The buffer [vocabulary]: the logits before {@link #process}, the scores after it. */
  float[] scores() {
    return scores;
  }

  /**
   * Processes the buffer.
   *
   * @param tokens the conversation as the model sees it, the reply so far included
   * @param promptTokens how many of them stand before the reply
   * @param endOfText the token that ends a turn
   */
  void process(SamplingParameters parameters, TokenBuffer tokens, int promptTokens, int endOfText) {
    for (Map.Entry<Integer, Float> bias : parameters.logitBias().entrySet()) {
      scores[bias.getKey()] += bias.getValue();
    }
    if (parameters.repetitionPenalty() != 1) {
      penalizeRepetition(tokens, parameters.repetitionPenalty());
    }
    if (parameters.noRepeatNgramSize() > 0) {
      banRepeatedNgrams(tokens, parameters.noRepeatNgramSize());
    }
    for (int[] sequence : parameters.badSequences()) {
      banCompletion(tokens, sequence);
    }
    if (tokens.size() - promptTokens < parameters.minNewTokens()) {
      scores[endOfText] = Float.NEGATIVE_INFINITY;
    }
    if (parameters.presencePenalty() != 0 || parameters.frequencyPenalty() != 0) {
      penalizePresence(tokens, promptTokens, parameters);
    }
    if (parameters.sample()) {
      warp(parameters);
    }
  }

  private void warp(SamplingParameters parameters) {
    if (parameters.temperature() != 1) {
      for (int i = 0; i < scores.length; i++) {
        scores[i] /= parameters.temperature();
      }
    }
    if (parameters.topK() > 0 && parameters.topK() < scores.length) {
      keepTop(parameters.topK());
    }
    if (parameters.topP() < 1) {
      keepNucleus(parameters.topP());
    }
    if (parameters.minP() > 0) {
      float limit = (float) (max() + Math.log(parameters.minP()));
      keepFrom(limit);
    }
    if (parameters.typicalP() < 1) {
      keepTypical(parameters.typicalP());
    }
  }

  private void penalizeRepetition(TokenBuffer tokens, float penalty) {
    seen.clear();
    for (int i = 0; i < tokens.size(); i++) {
      int id = tokens.get(i);
      if (!seen.get(id)) {
        seen.set(id);
        scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
      }
    }
  }

  private void banRepeatedNgrams(TokenBuffer tokens, int size) {
    int[] last = tokens.slice(Math.max(0, tokens.size() - size + 1), tokens.size());
    for (int end = size; end <= tokens.size(); end++) {
      if (tokens.endsWith(end - 1, last, size - 1)) {
        scores[tokens.get(end - 1)] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private void banCompletion(TokenBuffer tokens, int[] sequence) {
    int before = sequence.length - 1;
    // As Hugging Face: a sequence longer than the context so far is not looked at.
    if (sequence.length <= Math.max(1, tokens.size())
        && tokens.endsWith(tokens.size(), sequence, before)) {
      scores[sequence[before]] = Float.NEGATIVE_INFINITY;
    }
  }

  private void penalizePresence(
      TokenBuffer tokens, int promptTokens, SamplingParameters parameters) {
    seen.clear();
    for (int i = promptTokens; i < tokens.size(); i++) {
      int id = tokens.get(i);
      scores[id] -= parameters.frequencyPenalty();
      if (!seen.get(id)) {
        seen.set(id);
        scores[id] -= parameters.presencePenalty();
      }
    }
  }

  /** Keeps the {@code k} greatest scores and those equal to the last of them. */
  private void keepTop(int k) {
    int count = heapify(i -> scores[i]);
    double kth = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < k && count > 0; i++) {
      kth = keys[heap[0]];
      count = pop(count);
    }
    keepFrom((float) kth);
  }

  private void keepFrom(float limit) {
    for (int i = 0; i < scores.length; i++) {
      if (scores[i] < limit) {
        scores[i] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  /** Drops the least probable ones that sum up to at most {@code 1 - p}; the first one stays. */
  private void keepNucleus(float p) {
    double max = max();
    double sum = sum(max);
    int count = heapify(i -> scores[i]);
    double above = 0;
    while (count > 0 && (above == 0 || 1 - above / sum > 1 - (double) p)) {
      above += Math.exp(scores[heap[0]] - max);
      count = pop(count);
    }
    for (int i = 0; i < count; i++) {
      scores[heap[i]] = Float.NEGATIVE_INFINITY;
    }
  }

  /** Keeps those whose information is nearest to the entropy, until they sum up to {@code mass}. */
  private void keepTypical(float mass) {
    double max = max();
    double logSum = Math.log(sum(max)) + max;
    double entropy = 0;
    for (float score : scores) {
      if (score != Float.NEGATIVE_INFINITY) {
        entropy -= (score - logSum) * Math.exp(score - logSum);
      }
    }
    double expected = entropy;
    int count = heapify(i -> -Math.abs(logSum - scores[i] - expected));
    double sum = 0;
    double last = 0;
    while (count > 0 && (sum == 0 || sum < mass)) {
      last = keys[heap[0]];
      sum += Math.exp(scores[heap[0]] - logSum);
      count = pop(count);
    }
    for (int i = 0; i < count; i++) {
      if (keys[heap[i]] < last) {
        scores[heap[i]] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private float max() {
    float max = Float.NEGATIVE_INFINITY;
    for (float score : scores) {
      max = Math.max(max, score);
    }
    return max;
  }

  private double sum(double max) {
    double sum = 0;
    for (float score : scores) {
      if (score != Float.NEGATIVE_INFINITY) {
        sum += Math.exp(score - max);
      }
    }
    return sum;
  }

  private interface Key {
    double of(int token);
  }

  /** Puts the tokens that are not out into a heap, the greatest key first; returns how many. */
  private int heapify(Key key) {
    int count = 0;
    for (int i = 0; i < scores.length; i++) {
      if (scores[i] != Float.NEGATIVE_INFINITY) {
        keys[i] = key.of(i);
        heap[count++] = i;
      }
    }
    for (int i = count / 2 - 1; i >= 0; i--) {
      sink(i, count);
    }
    return count;
  }

  /** Takes the first token off; the heap has one less. */
  private int pop(int count) {
    int last = count - 1;
    heap[0] = heap[last];
    sink(0, last);
    return last;
  }

  private void sink(int from, int count) {
    int at = from;
    int id = heap[at];
    while (2 * at + 1 < count) {
      int child = 2 * at + 1;
      if (child + 1 < count && before(heap[child + 1], heap[child])) {
        child++;
      }
      if (!before(heap[child], id)) {
        break;
      }
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = id;
  }

  private boolean before(int one, int other) {
    return keys[one] > keys[other] || (keys[one] == keys[other] && one < other);
  }

  /** A copy of the scores, for comparisons. */
  float[] copy() {
    return Arrays.copyOf(scores, scores.length);
  }
}
