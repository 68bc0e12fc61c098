package dev.parley.server.engine;

import dev.parley.model.gpt2.LogitsQuery;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * What has to be known of a row of logits to choose from it: as many of the greatest ones as the
 * rules usually leave, and every token that a rule may raise, since it may come up from anywhere. A
 * token that rules can only lower needs no mention: where it is not among the greatest before them,
 * it is not afterwards.
 */
final class SamplingQuery {
  /** Rules whose reach depends on the distribution (top p, min p) mostly end within so many. */
  private static final int USUAL_REACH = 128;

  /** Penalties and bans may lower so many of the greatest before the whole row is needed. */
  private static final int MOST_LOWERED = 64;

  /** From here on, the whole row is not dearer. */
  private static final int MOST = 1_024;

  private static final LogitsQuery WHOLE = LogitsQuery.BEST;

  private SamplingQuery() {}

  /**
   * The query for the token after {@code tokens}.
   *
   * @param tokens the conversation as the model sees it, the reply so far included
   * @param promptTokens how many of them stand before the reply
   * @param endOfText the token that ends a turn
   */
  static LogitsQuery of(
      SamplingParameters parameters, TokenBuffer tokens, int promptTokens, int endOfText) {
    if (parameters.plainGreedy()) {
      return LogitsQuery.BEST;
    }
    if (parameters.plainDraw()) {
      int step = tokens.size() - promptTokens;
      return LogitsQuery.draw(
          parameters.temperature(), Sampler.uniform(parameters.seed(), promptTokens, step, 0));
    }
    int lowered = Math.min(MOST_LOWERED, lowered(parameters, tokens, promptTokens));
    if (!parameters.sample()) {
      return query(1 + lowered, 0, raised(parameters, tokens, promptTokens));
    }
    if (parameters.topK() > 0) {
      return query(parameters.topK() + lowered, 0, raised(parameters, tokens, promptTokens));
    }
    if (sums(parameters)) {
      // The sum of all is known before the rules: whatever they change must be known too.
      int[] changed = changed(parameters, tokens, promptTokens, endOfText);
      return query(USUAL_REACH, parameters.temperature(), changed);
    }
    if (parameters.minP() > 0) {
      return query(USUAL_REACH, 0, raised(parameters, tokens, promptTokens));
    }
    return WHOLE;
  }

  /** The same, and what tells how probable the token is that is chosen. */
  static LogitsQuery ranked(
      SamplingParameters parameters, TokenBuffer tokens, int promptTokens, int endOfText) {
    LogitsQuery query = of(parameters, tokens, promptTokens, endOfText);
    return query.greatest() > 0 && query.temperature() == 0
        ? new LogitsQuery(query.greatest(), 1, query.tokens())
        : query;
  }

  /** Whether the rules need the sum over all tokens, at the temperature. */
  static boolean sums(SamplingParameters parameters) {
    return parameters.sample() && parameters.topK() == 0 && parameters.topP() < 1;
  }

  private static LogitsQuery query(int greatest, float temperature, int[] tokens) {
    // One more than is needed, so that the last that is needed is seen to be greater than the rest.
    return greatest + tokens.length < MOST
        ? new LogitsQuery(greatest + 1, temperature, tokens)
        : WHOLE;
  }

  /** At most how many tokens the rules before temperature may lower. */
  private static int lowered(SamplingParameters parameters, TokenBuffer tokens, int promptTokens) {
    int lowered = parameters.logitBias().size() + parameters.badSequences().size();
    if (parameters.repetitionPenalty() > 1 || parameters.noRepeatNgramSize() > 0) {
      lowered += tokens.size();
    }
    if (parameters.presencePenalty() > 0 || parameters.frequencyPenalty() > 0) {
      lowered += tokens.size() - promptTokens;
    }
    return parameters.minNewTokens() > 0 ? lowered + 1 : lowered;
  }

  /** The tokens that the rules before temperature may raise. */
  private static int[] raised(SamplingParameters parameters, TokenBuffer tokens, int promptTokens) {
    IntStream bias =
        parameters.logitBias().entrySet().stream()
            .filter(entry -> entry.getValue() > 0)
            .mapToInt(Map.Entry::getKey);
    IntStream said = IntStream.empty();
    if (parameters.repetitionPenalty() < 1) {
      said = tokens.stream(0);
    } else if (parameters.presencePenalty() < 0 || parameters.frequencyPenalty() < 0) {
      said = tokens.stream(promptTokens);
    }
    return IntStream.concat(bias, said).distinct().toArray();
  }

  /** The tokens that the rules before temperature may raise or lower. */
  private static int[] changed(
      SamplingParameters parameters, TokenBuffer tokens, int promptTokens, int endOfText) {
    IntStream bias = parameters.logitBias().keySet().stream().mapToInt(Integer::intValue);
    IntStream bad = parameters.badSequences().stream().mapToInt(ids -> ids[ids.length - 1]);
    IntStream end = parameters.minNewTokens() > 0 ? IntStream.of(endOfText) : IntStream.empty();
    IntStream said = IntStream.empty();
    if (parameters.repetitionPenalty() != 1 || parameters.noRepeatNgramSize() > 0) {
      said = tokens.stream(0);
    } else if (parameters.presencePenalty() != 0 || parameters.frequencyPenalty() != 0) {
      said = tokens.stream(promptTokens);
    }
    IntStream rules = IntStream.concat(bias, IntStream.concat(bad, end));
    return IntStream.concat(rules, said).distinct().toArray();
  }
}
