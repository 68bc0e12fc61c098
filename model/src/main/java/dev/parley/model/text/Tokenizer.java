package dev.parley.model.text;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;

/**
 * Text to token ids and back, by the byte-level BPE of a Hugging Face directory. Thread-safe.
 *
 * <p>What a user types is ordinary text, all of it: {@code <|endoftext|>} is thirteen characters
 * that become seven tokens, never the token that ends a turn. Nothing is added, cut or padded, and
 * {@code decode(encode(text))} is {@code text} (unpaired surrogates, which UTF-8 does not have,
 * become U+FFFD).
 */
public final class Tokenizer implements AutoCloseable {
  private final NativeTokenizer tokenizer;
  private final TokenizerDefinition definition;
  private final int longestToken;

  private Tokenizer(NativeTokenizer tokenizer, TokenizerDefinition definition) {
    this.tokenizer = tokenizer;
    this.definition = definition;
    this.longestToken = Arrays.stream(definition.bytes()).mapToInt(b -> b.length).max().orElse(0);
  }

  /**
   * Reads the tokenizer of a directory: {@code tokenizer.json}, or {@code vocab.json} and {@code
   * merges.txt} where that is missing. The caller closes it.
   *
   * @throws TokenizerException if the files are missing, damaged, or no byte-level BPE with an end
   *     of text
   */
  public static Tokenizer load(Path directory) {
    TokenizerDefinition definition = TokenizerDefinition.read(directory);
    try {
      return new Tokenizer(new NativeTokenizer(definition.json()), definition);
    } catch (RuntimeException e) {
      throw new TokenizerException(
          "%s cannot be used: %s".formatted(definition.source(), e.getMessage()), e);
    }
  }

  /**
   * Copies the tokenizer's files of a directory in Hugging Face layout, those that are there.
   *
   * @throws TokenizerException if there are none
   */
  public static void copyFiles(Path from, Path to) {
    TokenizerDefinition.requireFiles(from);
    for (String name : TokenizerDefinition.FILES) {
      Path file = from.resolve(name);
      if (Files.isRegularFile(file)) {
        try {
          Files.copy(file, to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
          throw new UncheckedIOException("%s cannot be copied to %s".formatted(file, to), e);
        }
      }
    }
  }

  /** The ids of ordinary text. */
  public int[] encode(String text) {
    return tokenizer.encode(wellFormed(text));
  }

  /**
   * The text of ids; the end of text and other control tokens are left out, bytes that are no UTF-8
   * become U+FFFD.
   *
   * @throws IllegalArgumentException if the vocabulary lacks an id
   */
  public String decode(int... ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 * ids.length);
    for (int id : ids) {
      bytes.writeBytes(sharedBytes(id));
    }
    StringBuilder text = new StringBuilder(bytes.size());
    Utf8.decode(bytes.toByteArray(), bytes.size(), true, text);
    return text.toString();
  }

  /**
   * The bytes that a token stands for: UTF-8, maybe a part of a character; none for control tokens.
   *
   * @throws IllegalArgumentException if the vocabulary lacks the id
   */
  public byte[] bytes(int id) {
    return sharedBytes(id).clone();
  }

  /**
   * The most bytes that a token stands for: a text of n characters has at least n bytes, and so at
   * least n divided by this many tokens. For a cheap answer to texts that cannot fit.
   */
  public int longestToken() {
    return longestToken;
  }

  /** The id that ends a turn. */
  public int endOfText() {
    return definition.endOfText();
  }

  /** How many ids there are: 0 to one less than this. */
  public int vocabularySize() {
    return definition.bytes().length;
  }

  @Override
  public void close() {
    tokenizer.close();
  }

  /** As {@link #bytes}, not to be changed. */
  byte[] sharedBytes(int id) {
    byte[][] bytes = definition.bytes();
    if (id < 0 || id >= bytes.length) {
      throw new IllegalArgumentException(
          "token id %d is not in the vocabulary: it has %d, from 0".formatted(id, bytes.length));
    }
    return bytes[id];
  }

  private static String wellFormed(String text) {
    int unpaired = Utf8.unpairedSurrogate(text, 0);
    if (unpaired < 0) {
      return text;
    }
    StringBuilder repaired = new StringBuilder(text);
    for (; unpaired >= 0; unpaired = Utf8.unpairedSurrogate(text, unpaired + 1)) {
      repaired.setCharAt(unpaired, Utf8.REPLACEMENT);
    }
    return repaired.toString();
  }
}
