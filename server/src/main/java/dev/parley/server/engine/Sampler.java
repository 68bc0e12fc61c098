package dev.parley.server.engine;

import dev.parley.model.gpt2.Logits;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the next token from a row of logits. The random numbers are a function of the seed and of
 * the place in the conversation, so a reply is the same whatever else the step held. Not
 * thread-safe.
 */
final class Sampler {
  private static final int NOT_TOLD = -1;

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
   * @param logits the answer to {@link SamplingQuery} for the same parameters and tokens
   * @param tokens the conversation as the model sees it, the reply so far included
   * @param promptTokens how many of them stand before the reply
   * @param allowed whether the reply may go on with a token; never asked about the end
   * @throws NoTokenException if a logit is not finite, or if no token is left
   */
  int choose(
      Logits logits,
      SamplingParameters parameters,
      TokenBuffer tokens,
      int promptTokens,
      IntPredicate allowed)
      throws NoTokenException {
    if (!logits.finite()) {
      throw notFinite(logits.whole());
    }
    int step = tokens.size() - promptTokens;
    for (int attempt = 0; true; attempt++) {
      int token = attempt == 0 ? told(logits, parameters, promptTokens, step) : NOT_TOLD;
      if (token == NOT_TOLD) {
        // After the first attempt, all at once: a reply must not be asked about one by one.
        score(logits, parameters, tokens, promptTokens, attempt == 0 ? null : allowed);
        token =
            parameters.sample()
                ? draw(uniform(parameters.seed(), promptTokens, step, attempt))
                : processor.id(argmax());
      }
      if (token == endOfText || allowed.test(token)) {
        return token;
      }
    }
  }

  /** The token where no rule has a say in it, as the step told it; -1 where it did not. */
  private static int told(
      Logits logits, SamplingParameters parameters, int promptTokens, int step) {
    if (parameters.plainGreedy()) {
      return logits.best();
    }
    return parameters.plainDraw()
        ? logits.drawn(uniform(parameters.seed(), promptTokens, step, 0))
        : NOT_TOLD;
  }

  /**
   * Leaves scores in the processor: of the known tokens where they tell the result, else of all.
   */
  private void score(
      Logits logits,
      SamplingParameters parameters,
      TokenBuffer tokens,
      int promptTokens,
      @Nullable IntPredicate allowed) {
    if (logits.tokens().length > 0) {
      processor.load(logits, SamplingQuery.sums(parameters) ? parameters.temperature() : 0);
      if (process(parameters, tokens, promptTokens, allowed)) {
        return;
      }
    }
    processor.load(logits.whole());
    process(parameters, tokens, promptTokens, allowed);
  }

  private boolean process(
      SamplingParameters parameters,
      TokenBuffer tokens,
      int promptTokens,
      @Nullable IntPredicate allowed) {
    if (allowed != null) {
      processor.strike(allowed, endOfText);
    }
    return processor.process(parameters, tokens, promptTokens, endOfText);
  }

  private static NoTokenException notFinite(float[] logits) {
    int token = 0;
    while (token < logits.length - 1 && Float.isFinite(logits[token])) {
      token++;
    }
    return new NoTokenException(
        "NON_FINITE_LOGITS",
        "the model gave %s for token %d; its weights are damaged or overflow in this precision"
            .formatted(logits[token], token));
  }

  /** Where the first of the listed tokens with the greatest score stands. */
  private int argmax() throws NoTokenException {
    int best = 0;
    for (int i = 1; i < processor.count(); i++) {
      if (processor.score(i) > processor.score(best)) {
        best = i;
      }
    }
    if (processor.score(best) == Float.NEGATIVE_INFINITY) {
      throw new NoTokenException(
          "NO_TOKEN_LEFT",
          "the parameters leave no token to choose from; loosen bad_words, "
              + "no_repeat_ngram_size or min_new_tokens");
    }
    return best;
  }

  /** The token at {@code random} of the way through the probabilities, in the order of ids. */
  private int draw(double random) throws NoTokenException {
    int best = argmax();
    double left = random * processor.weigh(processor.score(best));
    for (int i = 0; i < processor.count(); i++) {
      left -= processor.weight(i);
      if (left < 0) {
        return processor.id(i);
      }
    }
    return processor.id(best); // the sum's rounding
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
