package dev.parley.model.text;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * GPT-2's vocabulary, made from the r50k ranks that the jtokkit library carries: 50,256 byte
 * sequences whose rank is their id, and the end of text. The ranks do not say which two tokens were
 * merged into one; applying the merges of lower rank to a token's bytes leaves just these two.
 */
public final class Gpt2Vocabulary {
  private static final String RANKS = "/com/knuddels/jtokkit/r50k_base.tiktoken";
  private static final int RANK_COUNT = 50_256;
  private static final int SINGLE_BYTES = 256;

  private Gpt2Vocabulary() {}

  /**
   * Writes {@code vocab.json}, {@code merges.txt} and {@code tokenizer.json}, the same as the
   * published ones in content.
   *
   * @throws IOException if the directory cannot be written
   */
  public static void write(Path directory) throws IOException {
    List<String> tokens = tokens();
    List<String> merges = merges(tokens);
    JsonMapper json = new JsonMapper();
    ObjectNode vocabulary = json.createObjectNode();
    for (String token : tokens) {
      vocabulary.put(token, vocabulary.size());
    }
    vocabulary.put(TokenizerDefinition.END_OF_TEXT, vocabulary.size());
    ObjectNode tokenizer =
        TokenizerDefinition.byteLevelBpe(vocabulary, merges, json.createObjectNode());
    Files.writeString(
        directory.resolve(TokenizerDefinition.VOCABULARY), json.writeValueAsString(vocabulary));
    Files.writeString(
        directory.resolve(TokenizerDefinition.MERGES),
        "#version: 0.2\n" + String.join("\n", merges) + "\n");
    Files.writeString(
        directory.resolve(TokenizerDefinition.TOKENIZER), json.writeValueAsString(tokenizer));
  }

  /**
   * GPT-2's own tokenizer; the caller closes it. Takes about a second.
   *
   * @throws UncheckedIOException if the directory for temporary files cannot be written
   */
  public static Tokenizer tokenizer() {
    try {
      Path directory = Files.createTempDirectory("gpt2-vocabulary");
      try {
        write(directory);
        return Tokenizer.load(directory);
      } finally {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
          for (Path file : files) {
            Files.delete(file);
          }
        }
        Files.delete(directory);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The tokens in the order of their ids, spelled in the byte-level alphabet. */
  private static List<String> tokens() throws IOException {
    List<String> tokens = new ArrayList<>(RANK_COUNT);
    try (InputStream ranks = Gpt2Vocabulary.class.getResourceAsStream(RANKS)) {
      if (ranks == null) {
        throw new IOException("the class path has no %s (jtokkit)".formatted(RANKS));
      }
      BufferedReader lines =
          new BufferedReader(new InputStreamReader(ranks, StandardCharsets.US_ASCII));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int space = line.indexOf(' ');
        if (Integer.parseInt(line.substring(space + 1)) != tokens.size()) {
          throw new IOException("%s is not in the order of ranks".formatted(RANKS));
        }
        tokens.add(ByteAlphabet.spell(Base64.getDecoder().decode(line.substring(0, space))));
      }
    }
    if (tokens.size() != RANK_COUNT) {
      throw new IOException(
          "%s has %d tokens, but GPT-2 has %d".formatted(RANKS, tokens.size(), RANK_COUNT));
    }
    return tokens;
  }

  private static List<String> merges(List<String> tokens) {
    Map<String, Integer> ranks = new HashMap<>(2 * tokens.size());
    List<String> merges = new ArrayList<>(tokens.size());
    for (String token : tokens) {
      if (ranks.size() >= SINGLE_BYTES) {
        merges.add(lastMerge(token, ranks));
      }
      ranks.put(token, ranks.size());
    }
    return merges;
  }

  /**
   * The two parts that a token was merged from, as {@code left right}.
   *
   * @param ranks of all tokens before it
   */
  private static String lastMerge(String token, Map<String, Integer> ranks) {
    List<String> parts = new ArrayList<>(token.length());
    token.chars().forEach(character -> parts.add(Character.toString(character)));
    while (parts.size() > 2) {
      int best = -1;
      int bestRank = Integer.MAX_VALUE;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int rank = ranks.getOrDefault(parts.get(i) + parts.get(i + 1), Integer.MAX_VALUE);
        if (rank < bestRank) {
          best = i;
          bestRank = rank;
        }
      }
      if (best < 0) {
        throw new IllegalStateException("the token '%s' is no merge of two".formatted(token));
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
    return String.join(" ", parts);
  }
}
