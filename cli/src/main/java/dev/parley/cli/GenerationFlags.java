package dev.parley.cli;

import dev.parley.client.GenerationOptions;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How replies are chosen; what is not given is the model version's own. */
final class GenerationFlags {
  @Option(names = "--max-new-tokens", description = "longest reply in tokens")
  private @Nullable Integer maxNewTokens;

  @Option(names = "--sample", negatable = true, description = "draw tokens; --no-sample: greedy")
  private @Nullable Boolean sample;

  @Option(names = "--temperature", description = "above 0")
  private @Nullable Double temperature;

  @Option(names = "--top-k", description = "only the k most probable tokens")
  private @Nullable Integer topK;

  @Option(names = "--top-p", description = "only the most probable tokens up to this sum")
  private @Nullable Double topP;

  @Option(names = "--repetition-penalty", description = "above 1: less repetition")
  private @Nullable Double repetitionPenalty;

  @Option(names = "--no-repeat-ngram-size", description = "no n tokens twice in a conversation")
  private @Nullable Integer noRepeatNgramSize;

  @Option(
      names = "--best-of",
      paramLabel = "N",
      description = "candidates for each reply, of which the best is shown; needs --sample")
  private @Nullable Integer bestOf;

  @Option(names = "--stop", description = "ends a reply; may be repeated")
  private List<String> stop = new ArrayList<>();

  @Option(names = "--seed", description = "the same seed gives the same replies")
  private @Nullable Long seed;

  /** What is given, and nothing else. */
  GenerationOptions options() {
    return over(GenerationOptions.builder().build());
  }

  /** What is given, in place of some defaults. */
  GenerationOptions over(GenerationOptions defaults) {
    GenerationOptions.Builder options = defaults.toBuilder();
    if (maxNewTokens != null) {
      options.maxNewTokens(maxNewTokens);
    }
    if (sample != null) {
      options.doSample(sample);
    }
    if (temperature != null) {
      options.temperature(temperature);
    }
    if (topK != null) {
      options.topK(topK);
    }
    if (topP != null) {
      options.topP(topP);
    }
    if (repetitionPenalty != null) {
      options.repetitionPenalty(repetitionPenalty);
    }
    if (noRepeatNgramSize != null) {
      options.noRepeatNgramSize(noRepeatNgramSize);
    }
    if (bestOf != null) {
      options.bestOf(bestOf);
    }
    if (!stop.isEmpty()) {
      options.stop(stop);
    }
    if (seed != null) {
      options.seed(seed);
    }
    return options.build();
  }
}
