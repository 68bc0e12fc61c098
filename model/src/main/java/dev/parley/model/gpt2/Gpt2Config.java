package dev.parley.model.gpt2;

/**
 * The shape of a GPT-2, as config.json gives it.
 *
 * @param vocabularySize tokens of the vocabulary
 * @param contextLength the longest sequence, in tokens
 * @param embeddingSize the width of the hidden state; a multiple of {@code headCount}
 * @param layerCount transformer blocks
 * @param headCount attention heads a block
 * @param layerNormEpsilon added to the variance in LayerNorm
 * @param initializerRange standard deviation of random initial weights
 * @param dropout of embeddings, attention and residuals while training
 * @param endOfText the token id that ends a turn
 */
public record Gpt2Config(
    int vocabularySize,
    int contextLength,
    int embeddingSize,
    int layerCount,
    int headCount,
    double layerNormEpsilon,
    double initializerRange,
    double dropout,
    int endOfText) {

  /** GPT-2's vocabulary: 50,256 byte pairs and the end of text. */
  public static final int GPT2_VOCABULARY_SIZE = 50_257;

  /** The most numbers of a head that attention.h has room for; published models have 64. */
  private static final int MOST_HEAD_SIZE = 4096;

  /** Checks that the numbers fit together. */
  public Gpt2Config {
    require(vocabularySize > 0, "vocab_size", vocabularySize, "at least 1");
    require(contextLength > 0, "n_positions", contextLength, "at least 1");
    require(layerCount > 0, "n_layer", layerCount, "at least 1");
    require(headCount > 0, "n_head", headCount, "at least 1");
    require(
        embeddingSize > 0 && embeddingSize % headCount == 0,
        "n_embd",
        embeddingSize,
        "a multiple of n_head = " + headCount);
    require(
        embeddingSize / headCount <= MOST_HEAD_SIZE,
        "n_embd / n_head",
        embeddingSize / headCount,
        "at most " + MOST_HEAD_SIZE);
    require(
        endOfText >= 0 && endOfText < vocabularySize,
        "eos_token_id",
        endOfText,
        "below vocab_size = " + vocabularySize);
  }

  /**
   * Checks that tokens are of the vocabulary. A GPU does not survive the use of another one: all
   * that its process computes fails from then on.
   *
   * @throws IllegalArgumentException if one is not
   */
  void requireTokens(int[] tokens) {
    for (int token : tokens) {
      if (token < 0 || token >= vocabularySize) {
        throw new IllegalArgumentException(
            "token %d is outside the vocabulary of %d".formatted(token, vocabularySize));
      }
    }
  }

  /** A GPT-2 with GPT-2's vocabulary and the usual constants. */
  public static Gpt2Config of(int layerCount, int embeddingSize, int headCount, int contextLength) {
    return new Gpt2Config(
        GPT2_VOCABULARY_SIZE,
        contextLength,
        embeddingSize,
        layerCount,
        headCount,
        1e-5,
        0.02,
        0.1,
        GPT2_VOCABULARY_SIZE - 1);
  }

  /**
   * A published shape: {@code tiny} (the embedded base), {@code small} (117M), {@code medium}
   * (345M), {@code large} (762M).
   */
  public static Gpt2Config shape(String name) {
    return switch (name) {
      case "tiny" -> of(2, 128, 4, 256);
      case "small" -> of(12, 768, 12, 1024);
      case "medium" -> of(24, 1024, 16, 1024);
      case "large" -> of(36, 1280, 20, 1024);
      default ->
          throw new IllegalArgumentException(
              "shape '%s' is unknown: use tiny, small, medium or large".formatted(name));
    };
  }

  /** How many numbers the weights are. */
  public long parameterCount() {
    return Gpt2Layout.of(this).stream().mapToLong(Gpt2Layout.Entry::elementCount).sum();
  }

  private static void require(boolean holds, String key, int value, String limit) {
    if (!holds) {
      throw new IllegalArgumentException("%s is %d, but must be %s".formatted(key, value, limit));
    }
  }
}
