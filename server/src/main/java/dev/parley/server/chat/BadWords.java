package dev.parley.server.chat;

import dev.parley.model.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Texts that a reply never contains, however its tokens cut them. Compares bytes: in UTF-8 a text
 * occurs where its bytes do. For one thread.
 */
final class BadWords {
  private final Tokenizer tokenizer;
  private final List<byte[]> words;
  private final int longest;
  private byte[] tail = {}; // the end of the reply, one byte shorter than the longest word

  BadWords(Tokenizer tokenizer, List<String> words) {
    this.tokenizer = tokenizer;
    this.words = words.stream().map(word -> word.getBytes(StandardCharsets.UTF_8)).toList();
    this.longest = this.words.stream().mapToInt(word -> word.length).max().orElse(0);
  }

  /** Whether the reply has none of the texts with this token after it. */
  boolean allow(int token) {
    if (words.isEmpty()) {
      return true;
    }
    byte[] bytes = join(token);
    return words.stream().noneMatch(word -> contains(bytes, word));
  }

  /** The reply goes on with this token. */
  void add(int token) {
    if (!words.isEmpty()) {
      byte[] bytes = join(token);
      tail = Arrays.copyOfRange(bytes, Math.max(0, bytes.length - longest + 1), bytes.length);
    }
  }

  private byte[] join(int token) {
    byte[] added = tokenizer.bytes(token);
    byte[] bytes = Arrays.copyOf(tail, tail.length + added.length);
    System.arraycopy(added, 0, bytes, tail.length, added.length);
    return bytes;
  }

  private static boolean contains(byte[] bytes, byte[] word) {
    for (int from = 0; from + word.length <= bytes.length; from++) {
      if (Arrays.equals(bytes, from, from + word.length, word, 0, word.length)) {
        return true;
      }
    }
    return false;
  }
}
