package dev.parley.server.engine;

import java.nio.FloatBuffer;
import java.util.function.IntPredicate;

/**
 * Chooses the next token from a row of logits. The random numbers are a function of the seed and of
 * the place in the conversation, so a reply is the same whatever else the step held. Not
 * thread-safe.
 */
final class Sampler {
  private final LogitsProcessor processor;
  private final int endOfText;

  Sampler(int vocabularySize, int endOfText) {
    this.processor = new LogitsProcessor(vocabularySize);
    this.endOfText = endOfText;
  }

  /** A row that no token can be chosen from. */
  static final class NoTokenException extends Exception {
    private final String reason;
    private final String sentence;

    NoTokenException(String reason, String sentence) {
      super(sentence);
      this.reason = reason;
      this.sentence = sentence;
    }

    /** What happened, for the client. */
    String sentence() {
      return sentence;
    }

    /** UPPER_SNAKE_CASE. */
    String reason() {
      return reason;
    }
  }

  /**
   * The next token.
   *
   * @param logits [vocabulary]
   * @param tokens the conversation as the model sees it, the reply so far included
   * @param promptTokens how many of them stand before the reply
   * @param allowed whether the reply may go on with a token; never asked about the end
   * @throws NoTokenException if a logit is not finite, or if no token is left
   */
  int choose(
      FloatBuffer logits,
      SamplingParameters parameters,
      TokenBuffer tokens,
      int promptTokens,
      IntPredicate allowed)
      throws NoTokenException {
    float[] scores = processor.scores();
    int step = tokens.size() - promptTokens;
    for (int attempt = 0; true; attempt++) {
      logits.get(0, scores);
      requireFinite(scores);
      if (attempt > 0) {
        strike(scores, allowed); // all at once: a reply must not be asked about one by one
      }
      if (!parameters.plainGreedy()) {
        processor.process(parameters, tokens, promptTokens, endOfText);
      }
      int token =
          parameters.sample()
              ? draw(scores, uniform(parameters.seed(), promptTokens, step, attempt))
              : argmax(scores);
      if (scores[token] == Float.NEGATIVE_INFINITY) {
        throw new NoTokenException(
            "NO_TOKEN_LEFT",
            "the parameters leave no token to choose from; loosen bad_words, "
                + "no_repeat_ngram_size or min_new_tokens");
      }
      if (token == endOfText || allowed.test(token)) {
        return token;
      }
    }
  }

  private void strike(float[] scores, IntPredicate allowed) {
    for (int i = 0; i < scores.length; i++) {
      if (i != endOfText && !allowed.test(i)) {
        scores[i] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private static void requireFinite(float[] logits) throws NoTokenException {
    for (int i = 0; i < logits.length; i++) {
      if (!Float.isFinite(logits[i])) {
        throw new NoTokenException(
            "NON_FINITE_LOGITS",
            "the model gave %s for token %d; its weights are damaged or overflow in this precision"
                .formatted(logits[i], i));
      }
    }
  }

  private static int argmax(float[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      if (scores[i] > scores[best]) {
        best = i;
      }
    }
    return best;
  }

  /** The token at {@code random} of the way through the probabilities, in the order of ids. */
  private static int draw(float[] scores, double random) {
    int best = argmax(scores);
    double max = scores[best];
    double sum = 0;
    for (float score : scores) {
      if (score != Float.NEGATIVE_INFINITY) {
        sum += Math.exp(score - max);
      }
    }
    double left = random * sum;
    for (int i = 0; i < scores.length; i++) {
      if (scores[i] != Float.NEGATIVE_INFINITY) {
        left -= Math.exp(scores[i] - max);
        if (left < 0) {
          return i;
        }
      }
    }
    return best; // the sum's rounding; or nothing is left
  }

  /**
   * A number in [0, 1) for a place: rounds of SplitMix64's finalizer (Steele, Lea, Flood 2014). The
   * length of the prompt stands for the turn: it grows from turn to turn, and it is the same where
   * the same history is given in the setup.
   */
  static double uniform(long seed, int promptTokens, int step, int attempt) {
    long bits = mix(mix(mix(mix(seed) + promptTokens) + step) + attempt);
    return (bits >>> 11) * 0x1.0p-53;
  }

  private static long mix(long value) {
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
