package dev.parley.server.chat;

import dev.parley.model.text.Tokenizer;
import dev.parley.server.engine.SamplingParameters;
import dev.parley.v1.GenerationParameters;
import java.util.ArrayList;
import java.util.List;

/** The parameters in force: message before setup before model version before documented default. */
final class Generation {
  /** As generation.proto documents them. */
  private static final GenerationParameters DOCUMENTED =
      GenerationParameters.newBuilder()
          .setMaxNewTokens(128)
          .setMinNewTokens(0)
          .setDoSample(false)
          .setTemperature(1)
          .setTopK(0)
          .setTopP(1)
          .setMinP(0)
          .setTypicalP(1)
          .setRepetitionPenalty(1)
          .setPresencePenalty(0)
          .setFrequencyPenalty(0)
          .setNoRepeatNgramSize(0)
          .setBestOf(1)
          .build();

  private Generation() {}

  /**
   * Fills in defaults.
   *
   * @param version what the model version's generation_config.json says
   * @param asked what the client asked for, see {@link #overlay}
   * @return every field present, but for a seed that nobody chose
   */
  static GenerationParameters inForce(GenerationParameters version, GenerationParameters asked) {
    GenerationParameters.Builder all = overlay(overlay(DOCUMENTED, version), asked).toBuilder();
    if (!asked.hasDoSample() && asksForSampling(asked)) {
      all.setDoSample(true);
    }
    return all.build();
  }

  /** {@code base} with every field that is present in {@code over} replaced, lists as a whole. */
  static GenerationParameters overlay(GenerationParameters base, GenerationParameters over) {
    GenerationParameters.Builder all = base.toBuilder();
    if (over.getLogitBiasCount() > 0) {
      all.clearLogitBias();
    }
    if (over.getBadWordsCount() > 0) {
      all.clearBadWords();
    }
    if (over.getStopCount() > 0) {
      all.clearStop();
    }
    return all.mergeFrom(over).build();
  }

  private static boolean asksForSampling(GenerationParameters asked) {
    return asked.hasTemperature()
        || asked.hasTopK()
        || asked.hasTopP()
        || asked.hasMinP()
        || asked.hasTypicalP();
  }

  /**
   * As the engine takes them.
   *
   * @param all every field present
   */
  static SamplingParameters sampling(GenerationParameters all, Tokenizer tokenizer, long seed) {
    return new SamplingParameters(
        all.getMaxNewTokens(),
        all.getMinNewTokens(),
        all.getDoSample(),
        all.getTemperature(),
        all.getTopK(),
        all.getTopP(),
        all.getMinP(),
        all.getTypicalP(),
        all.getRepetitionPenalty(),
        all.getPresencePenalty(),
        all.getFrequencyPenalty(),
        all.getNoRepeatNgramSize(),
        all.getLogitBiasMap(),
        badSequences(all.getBadWordsList(), tokenizer),
        seed);
  }

  /** Bad words as the model usually writes them: at the start of a text, and after a space. */
  private static List<int[]> badSequences(List<String> words, Tokenizer tokenizer) {
    List<int[]> sequences = new ArrayList<>();
    for (String word : words) {
      sequences.add(tokenizer.encode(word));
      sequences.add(tokenizer.encode(" " + word));
    }
    return sequences;
  }
}
