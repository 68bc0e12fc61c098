package dev.parley.server.chat;

import dev.parley.model.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * Texts that a reply never contains, however its tokens cut them. Compares bytes: in UTF-8 a text
 * occurs where its bytes do. For one thread.
 *
 * <p>The reply has none of them so far, so only those are looked for that end within the next
 * token: the engine may ask about every token of the vocabulary while other replies wait.
 */
final class BadWords {
  private final Tokenizer tokenizer;
  private final byte[][][] byLastByte = new byte[256][0][];
  private final int longest;
  private byte[] tail = {}; // the end of the reply, one byte shorter than the longest word

  BadWords(Tokenizer tokenizer, List<String> words) {
    this.tokenizer = tokenizer;
    int most = 0;
    for (String text : words) {
      byte[] word = text.getBytes(StandardCharsets.UTF_8);
      if (word.length > 0) {
        int last = Byte.toUnsignedInt(word[word.length - 1]);
        byte[][] longer = Arrays.copyOf(byLastByte[last], byLastByte[last].length + 1);
        longer[longer.length - 1] = word;
        byLastByte[last] = longer;
      }
      most = Math.max(most, word.length);
    }
    this.longest = most;
  }

  /** Whether the reply has none of the texts with this token after it. */
  boolean allow(int token) {
    if (longest == 0) {
      return true;
    }
    byte[] added = tokenizer.bytes(token);
    for (int end = 1; end <= added.length; end++) {
      for (byte[] word : byLastByte[Byte.toUnsignedInt(added[end - 1])]) {
        if (endsWith(added, end, word)) {
          return false;
        }
      }
    }
    return true;
  }

  /** The reply goes on with this token. */
  void add(int token) {
    if (longest > 0) {
      byte[] added = tokenizer.bytes(token);
      byte[] bytes = Arrays.copyOf(tail, tail.length + added.length);
      System.arraycopy(added, 0, bytes, tail.length, added.length);
      tail = Arrays.copyOfRange(bytes, Math.max(0, bytes.length - longest + 1), bytes.length);
    }
  }

  /** Whether the reply and the first {@code end} bytes that are added end with a word. */
  private boolean endsWith(byte[] added, int end, byte[] word) {
    int within = Math.min(end, word.length);
    int before = word.length - within;
    return before <= tail.length
        && Arrays.equals(added, end - within, end, word, before, word.length)
        && Arrays.equals(tail, tail.length - before, tail.length, word, 0, before);
  }
}
