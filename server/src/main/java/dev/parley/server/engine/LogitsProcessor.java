package dev.parley.server.engine;

import dev.parley.model.gpt2.Logits;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Map;
import java.util.function.DoublePredicate;
import java.util.function.IntPredicate;

/**
 * Turns logits into scores to choose from, {@code -Infinity} for what is out. The rules and their
 * order are those of Hugging Face transformers 4.57 ({@code generation/logits_process.py}, {@code
 * GenerationMixin._get_logits_processor}): bias, repetition penalty, n-grams, bad sequences,
 * shortest length; then presence and frequency penalties, which are OpenAI's and not there; then,
 * for sampling, temperature, top k, top p, min p, typical p.
 *
 * <p>It needs no whole row: of the tokens that are not listed it knows that their scores do not
 * exceed {@link #bound}, because every token that a rule may raise is listed ({@link
 * SamplingQuery}). A rule whose limit lies above the bound drops them all, as it would have one by
 * one; where none does, {@link #process} says so and wants the whole row.
 *
 * <p>Not thread-safe: it keeps buffers of the vocabulary's size.
 */
final class LogitsProcessor {
  /** Where the best score fell further than this, the sum of the others has lost its digits. */
  private static final double MOST_LOST = 20;

  private final int vocabularySize;
  private final int[] ids; // ascending
  private final float[] scores;
  private final int[] order;
  private final double[] keys;
  private final double[] weights;
  private final BitSet seen = new BitSet();
  private int count;
  private float bound;

  /** Of those not listed: the sum of exp(score - scale); NaN where it is not known. */
  private double rest;

  private float scale;

  LogitsProcessor(int vocabularySize) {
    this.vocabularySize = vocabularySize;
    this.ids = new int[vocabularySize];
    this.scores = new float[vocabularySize];
    this.order = new int[vocabularySize];
    this.keys = new double[vocabularySize];
    this.weights = new double[vocabularySize];
  }

  /** Begins with every logit [vocabulary]. */
  void load(float[] logits) {
    count = logits.length;
    System.arraycopy(logits, 0, scores, 0, count);
    for (int i = 0; i < count; i++) {
      ids[i] = i;
    }
    bound = Float.NEGATIVE_INFINITY;
    rest = 0;
  }

  /**
   * Begins with some logits.
   *
   * @param temperature that their sum was asked for; 0 where it is of no use
   */
  void load(Logits logits, float temperature) {
    count = logits.tokens().length;
    System.arraycopy(logits.tokens(), 0, ids, 0, count);
    System.arraycopy(logits.values(), 0, scores, 0, count);
    bound = logits.bound();
    scale = max() / temperature;
    rest = temperature > 0 ? logits.sum() : Double.NaN;
    for (int i = 0; i < count && !Double.isNaN(rest); i++) {
      rest -= Math.exp(scores[i] / temperature - (double) scale);
    }
  }

  /** How many tokens are listed. */
  int count() {
    return count;
  }

  /** A listed token; they are in the order of their ids. */
  int id(int index) {
    return ids[index];
  }

  /** Its score. */
  float score(int index) {
    return scores[index];
  }

  /** No token that is not listed has a greater score; {@code -Infinity} where none is left. */
  float bound() {
    return bound;
  }

  /** Takes out the listed tokens that a reply may not go on with. */
  void strike(IntPredicate allowed, int endOfText) {
    for (int i = 0; i < count; i++) {
      if (ids[i] != endOfText && !allowed.test(ids[i])) {
        scores[i] = Float.NEGATIVE_INFINITY;
      }
    }
    rest = bound == Float.NEGATIVE_INFINITY ? 0 : Double.NaN;
  }

  /**
   * Processes the scores.
   *
   * @param tokens the conversation as the model sees it, the reply so far included
   * @param promptTokens how many of them stand before the reply
   * @param endOfText the token that ends a turn
   * @return false where only the whole row tells the result
   */
  boolean process(
      SamplingParameters parameters, TokenBuffer tokens, int promptTokens, int endOfText) {
    for (Map.Entry<Integer, Float> bias : parameters.logitBias().entrySet()) {
      int at = find(bias.getKey());
      if (at >= 0) {
        scores[at] += bias.getValue();
      }
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
      ban(endOfText);
    }
    if (parameters.presencePenalty() != 0 || parameters.frequencyPenalty() != 0) {
      penalizePresence(tokens, promptTokens, parameters);
    }
    return parameters.sample() ? warp(parameters) : complete() || max() > bound;
  }

  private boolean warp(SamplingParameters parameters) {
    if (parameters.temperature() != 1) {
      for (int i = 0; i < count; i++) {
        scores[i] /= parameters.temperature();
      }
      bound /= parameters.temperature();
    }
    if (parameters.topK() > 0 && parameters.topK() < vocabularySize) {
      keepTop(parameters.topK());
      if (!complete()) {
        return false;
      }
    }
    if (parameters.topP() < 1) {
      keepNucleus(parameters.topP());
      if (!complete()) {
        return false;
      }
    }
    if (parameters.minP() > 0) {
      float limit = (float) (max() + Math.log(parameters.minP()));
      keepFrom(limit);
    }
    if (!complete()) {
      return false;
    }
    if (parameters.typicalP() < 1) {
      keepTypical(parameters.typicalP());
    }
    return true;
  }

  /** Whether every token that is not listed is out. */
  private boolean complete() {
    return bound == Float.NEGATIVE_INFINITY;
  }

  private int find(int id) {
    return count == vocabularySize ? id : Arrays.binarySearch(ids, 0, count, id);
  }

  private void ban(int id) {
    int at = find(id);
    if (at >= 0) {
      scores[at] = Float.NEGATIVE_INFINITY;
    }
  }

  private void penalizeRepetition(TokenBuffer tokens, float penalty) {
    seen.clear();
    for (int i = 0; i < tokens.size(); i++) {
      int id = tokens.get(i);
      int at = find(id);
      if (!seen.get(id) && at >= 0) {
        seen.set(id);
        scores[at] = scores[at] < 0 ? scores[at] * penalty : scores[at] / penalty;
      }
    }
  }

  private void banRepeatedNgrams(TokenBuffer tokens, int size) {
    int[] last = tokens.slice(Math.max(0, tokens.size() - size + 1), tokens.size());
    for (int end = size; end <= tokens.size(); end++) {
      if (tokens.endsWith(end - 1, last, size - 1)) {
        ban(tokens.get(end - 1));
      }
    }
  }

  private void banCompletion(TokenBuffer tokens, int[] sequence) {
    int before = sequence.length - 1;
    // As Hugging Face: a sequence longer than the context so far is not looked at.
    if (sequence.length <= Math.max(1, tokens.size())
        && tokens.endsWith(tokens.size(), sequence, before)) {
      ban(sequence[before]);
    }
  }

  private void penalizePresence(
      TokenBuffer tokens, int promptTokens, SamplingParameters parameters) {
    seen.clear();
    for (int i = promptTokens; i < tokens.size(); i++) {
      int id = tokens.get(i);
      int at = find(id);
      if (at < 0) {
        continue;
      }
      scores[at] -= parameters.frequencyPenalty();
      if (!seen.get(id)) {
        seen.set(id);
        scores[at] -= parameters.presencePenalty();
      }
    }
  }

  /** Keeps the {@code k} greatest scores and those equal to the last of them. */
  private void keepTop(int k) {
    if (k > count) {
      return; // what is known is fewer than are kept
    }
    Arrays.fill(weights, 0, count, 1);
    for (int i = 0; i < count; i++) {
      keys[i] = scores[i];
    }
    int kept = select(mass -> mass >= k);
    keepFrom(scores[order[kept - 1]]);
  }

  private void keepFrom(float limit) {
    for (int i = 0; i < count; i++) {
      if (scores[i] < limit) {
        scores[i] = Float.NEGATIVE_INFINITY;
      }
    }
    if (limit > bound) {
      bound = Float.NEGATIVE_INFINITY;
      rest = 0;
    }
  }

  /** Drops the least probable ones that sum up to at most {@code 1 - p}; the first one stays. */
  private void keepNucleus(float p) {
    float max = max();
    if (!complete() && scale - max > MOST_LOST) {
      return;
    }
    double known = weigh(max);
    double sum = complete() ? known : known + rest * Math.exp(scale - (double) max);
    DoublePredicate enough = mass -> 1 - mass / sum <= 1 - (double) p; // not if sum is NaN
    if (!complete() && !enough.test(known)) {
      return;
    }
    for (int i = 0; i < count; i++) {
      keys[i] = scores[i];
    }
    int kept = select(enough);
    if (!complete() && scores[order[kept - 1]] <= bound) {
      return;
    }
    for (int i = kept; i < count; i++) {
      scores[order[i]] = Float.NEGATIVE_INFINITY;
    }
    bound = Float.NEGATIVE_INFINITY;
  }

  /** Keeps those whose information is nearest to the entropy, until they sum up to {@code mass}. */
  private void keepTypical(float mass) {
    float max = max();
    double sum = weigh(max);
    double logSum = Math.log(sum) + max;
    double entropy = 0;
    for (int i = 0; i < count; i++) {
      if (weights[i] > 0) {
        entropy -= (scores[i] - logSum) * weights[i] / sum;
      }
    }
    for (int i = 0; i < count; i++) {
      keys[i] = -Math.abs(logSum - scores[i] - entropy);
    }
    double last = keys[order[select(weight -> weight >= mass * sum) - 1]];
    for (int i = 0; i < count; i++) {
      if (keys[i] < last) {
        scores[i] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private float max() {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      max = Math.max(max, scores[i]);
    }
    return max;
  }

  /** Gives every listed token the weight exp(score - max), 0 if it is out; returns their sum. */
  double weigh(float max) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      boolean out = scores[i] == Float.NEGATIVE_INFINITY;
      weights[i] = out ? 0 : Math.exp(scores[i] - (double) max);
      sum += weights[i];
    }
    return sum;
  }

  /** A listed token's weight, as {@link #weigh} left it. */
  double weight(int index) {
    return weights[index];
  }

  /**
   * Orders the listed tokens so far that those with the greatest keys stand in front, as few of
   * them as together weigh enough; where keys are equal, lower ids come first. A weighted
   * quickselect: in the end it looks at each token about three times, where a sort would at each
   * sixteen times.
   *
   * @param enough false up to some weight, then true
   * @return how many stand in front, at least one
   */
  private int select(DoublePredicate enough) {
    for (int i = 0; i < count; i++) {
      order[i] = i;
    }
    int from = 0; // the tokens before it stand in front, and do not weigh enough
    int to = count; // the tokens before it do, if all together do
    double weight = 0; // of those before `from`
    while (from < to) {
      int pivot = order[(from + to) >>> 1];
      order[(from + to) >>> 1] = order[to - 1];
      order[to - 1] = pivot;
      int split = from;
      double above = weight;
      for (int i = from; i < to - 1; i++) {
        int index = order[i];
        if (isBefore(index, pivot)) {
          above += weights[index];
          order[i] = order[split];
          order[split++] = index;
        }
      }
      if (split > from && enough.test(above)) {
        to = split;
      } else {
        order[to - 1] = order[split];
        order[split] = pivot;
        from = split + 1;
        weight = above + weights[pivot];
        if (enough.test(weight)) {
          return from;
        }
      }
    }
    return from;
  }

  private boolean isBefore(int one, int other) {
    return keys[one] > keys[other] || (keys[one] == keys[other] && one < other);
  }
}
