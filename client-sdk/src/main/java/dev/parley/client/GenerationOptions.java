package dev.parley.client;

import dev.parley.v1.GenerationParameters;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How a reply is chosen. What is not set is taken from the conversation's options, then from the
 * model version's {@code generation_config.json}, then from the defaults named here. The rules are
 * those of the logits processors of Hugging Face transformers. Ranges are checked by the server,
 * which names every wrong field at once. Immutable.
 */
public final class GenerationOptions {
  private static final GenerationOptions DEFAULTS =
      new GenerationOptions(GenerationParameters.getDefaultInstance());

  private final GenerationParameters parameters;

  GenerationOptions(GenerationParameters parameters) {
    this.parameters = parameters;
  }

  /** Nothing set. */
  public static GenerationOptions defaults() {
    return DEFAULTS;
  }

  /** Starts with nothing set. */
  public static Builder builder() {
    return DEFAULTS.toBuilder();
  }

  /** Starts with what is set here. */
  public Builder toBuilder() {
    return new Builder(parameters.toBuilder());
  }

  /** As {@link Builder#maxNewTokens}; empty: not set. */
  public OptionalInt maxNewTokens() {
    return parameters.hasMaxNewTokens()
        ? OptionalInt.of(parameters.getMaxNewTokens())
        : OptionalInt.empty();
  }

  /** As {@link Builder#minNewTokens}; empty: not set. */
  public OptionalInt minNewTokens() {
    return parameters.hasMinNewTokens()
        ? OptionalInt.of(parameters.getMinNewTokens())
        : OptionalInt.empty();
  }

  /** As {@link Builder#doSample}; empty: not set. */
  public Optional<Boolean> doSample() {
    return parameters.hasDoSample() ? Optional.of(parameters.getDoSample()) : Optional.empty();
  }

  /** As {@link Builder#temperature}; empty: not set. */
  public OptionalDouble temperature() {
    return parameters.hasTemperature()
        ? OptionalDouble.of(parameters.getTemperature())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#topK}; empty: not set. */
  public OptionalInt topK() {
    return parameters.hasTopK() ? OptionalInt.of(parameters.getTopK()) : OptionalInt.empty();
  }

  /** As {@link Builder#topP}; empty: not set. */
  public OptionalDouble topP() {
    return parameters.hasTopP() ? OptionalDouble.of(parameters.getTopP()) : OptionalDouble.empty();
  }

  /** As {@link Builder#minP}; empty: not set. */
  public OptionalDouble minP() {
    return parameters.hasMinP() ? OptionalDouble.of(parameters.getMinP()) : OptionalDouble.empty();
  }

  /** As {@link Builder#typicalP}; empty: not set. */
  public OptionalDouble typicalP() {
    return parameters.hasTypicalP()
        ? OptionalDouble.of(parameters.getTypicalP())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#repetitionPenalty}; empty: not set. */
  public OptionalDouble repetitionPenalty() {
    return parameters.hasRepetitionPenalty()
        ? OptionalDouble.of(parameters.getRepetitionPenalty())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#presencePenalty}; empty: not set. */
  public OptionalDouble presencePenalty() {
    return parameters.hasPresencePenalty()
        ? OptionalDouble.of(parameters.getPresencePenalty())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#frequencyPenalty}; empty: not set. */
  public OptionalDouble frequencyPenalty() {
    return parameters.hasFrequencyPenalty()
        ? OptionalDouble.of(parameters.getFrequencyPenalty())
        : OptionalDouble.empty();
  }

  /** As {@link Builder#noRepeatNgramSize}; empty: not set. */
  public OptionalInt noRepeatNgramSize() {
    return parameters.hasNoRepeatNgramSize()
        ? OptionalInt.of(parameters.getNoRepeatNgramSize())
        : OptionalInt.empty();
  }

  /** As {@link Builder#seed}; empty: not set. */
  public OptionalLong seed() {
    return parameters.hasSeed() ? OptionalLong.of(parameters.getSeed()) : OptionalLong.empty();
  }

  /** As {@link Builder#bestOf}; empty: not set. */
  public OptionalInt bestOf() {
    return parameters.hasBestOf() ? OptionalInt.of(parameters.getBestOf()) : OptionalInt.empty();
  }

  /** As {@link Builder#stop}. */
  public List<String> stop() {
    return List.copyOf(parameters.getStopList());
  }

  /** As {@link Builder#badWords}. */
  public List<String> badWords() {
    return List.copyOf(parameters.getBadWordsList());
  }

  /** As {@link Builder#logitBias}. */
  public Map<Integer, Float> logitBias() {
    return Map.copyOf(parameters.getLogitBiasMap());
  }

  GenerationParameters toProto() {
    return parameters;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof GenerationOptions options && options.parameters.equals(parameters);
  }

  @Override
  public int hashCode() {
    return parameters.hashCode();
  }

  @Override
  public String toString() {
    return "GenerationOptions{" + parameters.toString().strip().replace('\n', ' ') + "}";
  }

  /** Collects options. Not thread-safe. */
  public static final class Builder {
    private final GenerationParameters.Builder parameters;

    private Builder(GenerationParameters.Builder parameters) {
      this.parameters = parameters;
    }

    /** The longest reply, in tokens; at least 1; default 128. */
    public Builder maxNewTokens(int maxNewTokens) {
      parameters.setMaxNewTokens(maxNewTokens);
      return this;
    }

    /** No end of turn before the reply has this many tokens; default 0. */
    public Builder minNewTokens(int minNewTokens) {
      parameters.setMinNewTokens(minNewTokens);
      return this;
    }

    /**
     * Whether tokens are drawn at random. False takes the most probable one each time (greedy): the
     * default, unless one of temperature, topK, topP, minP or typicalP is set.
     */
    public Builder doSample(boolean doSample) {
      parameters.setDoSample(doSample);
      return this;
    }

    /** Divides the logits; above 0; default 1. */
    public Builder temperature(double temperature) {
      parameters.setTemperature((float) temperature);
      return this;
    }

    /** Only the k most probable tokens; default 0: all. */
    public Builder topK(int topK) {
      parameters.setTopK(topK);
      return this;
    }

    /** Only the most probable tokens whose probabilities sum up to p, in (0, 1]; default 1. */
    public Builder topP(double topP) {
      parameters.setTopP((float) topP);
      return this;
    }

    /**
     * Only tokens at least this much times as probable as the most probable one, in [0, 1]; default
     * 0.
     */
    public Builder minP(double minP) {
      parameters.setMinP((float) minP);
      return this;
    }

    /** Locally typical sampling (Meister et al. 2022), in (0, 1]; default 1. */
    public Builder typicalP(double typicalP) {
      parameters.setTypicalP((float) typicalP);
      return this;
    }

    /**
     * Weakens tokens that are already in the conversation (Keskar et al. 2019); above 0; default 1.
     */
    public Builder repetitionPenalty(double repetitionPenalty) {
      parameters.setRepetitionPenalty((float) repetitionPenalty);
      return this;
    }

    /** Subtracted once from the logit of every token already in this reply; default 0. */
    public Builder presencePenalty(double presencePenalty) {
      parameters.setPresencePenalty((float) presencePenalty);
      return this;
    }

    /** Subtracted from the logit of a token as often as it occurs in this reply; default 0. */
    public Builder frequencyPenalty(double frequencyPenalty) {
      parameters.setFrequencyPenalty((float) frequencyPenalty);
      return this;
    }

    /** No sequence of this many tokens occurs twice in the conversation; default 0: all allowed. */
    public Builder noRepeatNgramSize(int noRepeatNgramSize) {
      parameters.setNoRepeatNgramSize(noRepeatNgramSize);
      return this;
    }

    /**
     * The same seed, history, options and model version give the same reply; unsigned. Chosen by
     * the server where not set.
     */
    public Builder seed(long seed) {
      parameters.setSeed(seed);
      return this;
    }

    /**
     * How many candidate replies are made, at most 32; the best one is returned, see {@link
     * ChatBuilder#mmiModel}. Above 1 needs {@link #doSample}. Default 1.
     */
    public Builder bestOf(int bestOf) {
      parameters.setBestOf(bestOf);
      return this;
    }

    /** The reply ends before the first of these texts; at most 16. Replaces those set before. */
    public Builder stop(List<String> texts) {
      parameters.clearStop().addAllStop(texts);
      return this;
    }

    /** See {@link #stop(List)}. */
    public Builder stop(String... texts) {
      return stop(List.of(texts));
    }

    /** Texts that a reply never contains. Replaces those set before. */
    public Builder badWords(List<String> words) {
      parameters.clearBadWords().addAllBadWords(words);
      return this;
    }

    /** Added to the logits of single tokens, by token id. Replaces those set before. */
    public Builder logitBias(Map<Integer, Float> bias) {
      parameters.clearLogitBias().putAllLogitBias(bias);
      return this;
    }

    /** The most probable token each time: the same question gets the same answer. */
    public Builder greedy() {
      return doSample(false);
    }

    /** The options as they are set now. */
    public GenerationOptions build() {
      return new GenerationOptions(parameters.build());
    }
  }
}
