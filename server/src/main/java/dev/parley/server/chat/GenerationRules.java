package dev.parley.server.chat;

import com.google.rpc.BadRequest.FieldViolation;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.GenerationParameters;
import java.util.ArrayList;
import java.util.List;

/** What single generation parameters may be, as generation.proto documents it. */
final class GenerationRules {
  /** As generation.proto says. */
  private static final int MOST_STOP_TEXTS = 16;

  /** Each is looked for at every token: a bound keeps one reply from slowing the others. */
  private static final int MOST_BAD_WORDS = 256;

  /** As generation.proto says, for the same reason. */
  private static final int MOST_BIASES = 1_024;

  /** As generation.proto says, for the same reason. */
  private static final int LONGEST_TEXT = 256;

  /** Twice DialoGPT's 16. Beside other replies a turn's candidates share what those leave. */
  private static final int MOST_CANDIDATES = 32;

  private final GenerationParameters parameters;
  private final String path;
  private final List<FieldViolation> problems = new ArrayList<>();

  private GenerationRules(GenerationParameters parameters, String path) {
    this.parameters = parameters;
    this.path = path;
  }

  /**
   * Every problem of the parameters that are present.
   *
   * @param path of the parameters in the request, such as {@code setup.generation}
   * @param vocabularySize token ids are below it
   */
  static List<FieldViolation> problems(
      GenerationParameters parameters, String path, int vocabularySize) {
    GenerationRules rules = new GenerationRules(parameters, path);
    rules.checkNumbers();
    rules.checkTexts();
    rules.checkBias(vocabularySize);
    return rules.problems;
  }

  private void checkNumbers() {
    GenerationParameters p = parameters;
    check(
        !p.hasMaxNewTokens() || p.getMaxNewTokens() >= 1,
        "max_new_tokens",
        p.getMaxNewTokens(),
        "at least 1");
    check(
        !p.hasMinNewTokens() || p.getMinNewTokens() >= 0,
        "min_new_tokens",
        p.getMinNewTokens(),
        "at least 0");
    check(
        !p.hasTemperature() || (p.getTemperature() > 0 && Float.isFinite(p.getTemperature())),
        "temperature",
        p.getTemperature(),
        "above 0; for the most probable token each time set do_sample to false");
    check(!p.hasTopK() || p.getTopK() >= 0, "top_k", p.getTopK(), "at least 0");
    check(
        !p.hasTopP() || (p.getTopP() > 0 && p.getTopP() <= 1),
        "top_p",
        p.getTopP(),
        "above 0 and at most 1");
    check(
        !p.hasMinP() || (p.getMinP() >= 0 && p.getMinP() <= 1),
        "min_p",
        p.getMinP(),
        "between 0 and 1");
    check(
        !p.hasTypicalP() || (p.getTypicalP() > 0 && p.getTypicalP() <= 1),
        "typical_p",
        p.getTypicalP(),
        "above 0 and at most 1");
    check(
        !p.hasRepetitionPenalty()
            || (p.getRepetitionPenalty() > 0 && Float.isFinite(p.getRepetitionPenalty())),
        "repetition_penalty",
        p.getRepetitionPenalty(),
        "above 0");
    check(
        Float.isFinite(p.getPresencePenalty()),
        "presence_penalty",
        p.getPresencePenalty(),
        "a finite number");
    check(
        Float.isFinite(p.getFrequencyPenalty()),
        "frequency_penalty",
        p.getFrequencyPenalty(),
        "a finite number");
    check(
        !p.hasNoRepeatNgramSize() || p.getNoRepeatNgramSize() >= 0,
        "no_repeat_ngram_size",
        p.getNoRepeatNgramSize(),
        "at least 0");
    check(
        !p.hasBestOf() || (p.getBestOf() >= 1 && p.getBestOf() <= MOST_CANDIDATES),
        "best_of",
        p.getBestOf(),
        "between 1 and " + MOST_CANDIDATES);
  }

  private void checkTexts() {
    checkList("stop", parameters.getStopList(), MOST_STOP_TEXTS);
    checkList("bad_words", parameters.getBadWordsList(), MOST_BAD_WORDS);
  }

  private void checkList(String field, List<String> texts, int most) {
    check(texts.size() <= most, field, texts.size() + " texts", "at most " + most);
    for (int i = 0; i < Math.min(texts.size(), most); i++) {
      String name = "%s[%d]".formatted(field, i);
      int length = texts.get(i).length();
      check(length > 0, name, "empty", "a text");
      check(length <= LONGEST_TEXT, name, length + " characters", "at most " + LONGEST_TEXT);
    }
  }

  private void checkBias(int vocabularySize) {
    int count = parameters.getLogitBiasCount();
    check(count <= MOST_BIASES, "logit_bias", count + " tokens", "at most " + MOST_BIASES);
    parameters.getLogitBiasMap().entrySet().stream()
        .limit(MOST_BIASES)
        .forEach(
            entry -> {
              int id = entry.getKey();
              float bias = entry.getValue();
              String field = "logit_bias[%d]".formatted(id);
              check(
                  id >= 0 && id < vocabularySize,
                  field,
                  "for token " + id,
                  "for a token id below " + vocabularySize);
              check(Float.isFinite(bias), field, bias, "a finite number");
            });
  }

  private void check(boolean holds, String field, Object value, String limit) {
    if (!holds) {
      problems.add(
          RpcException.violation(
              path + "." + field, "is %s, but must be %s".formatted(value, limit)));
    }
  }
}
