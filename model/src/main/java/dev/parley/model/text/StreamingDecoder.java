package dev.parley.model.text;

import java.util.Arrays;

/**
 * Token ids to text while they are generated. A character whose bytes are spread over several
 * tokens comes out with its last one; bytes that can become no character come out as U+FFFD as soon
 * as that is certain. All pieces together are {@link Tokenizer#decode} of all ids. For one thread.
 */
public final class StreamingDecoder {
  private final Tokenizer tokenizer;
  private byte[] held = {}; // a character's beginning, at most 3 bytes

  /** A decoder at the start of a text. */
  public StreamingDecoder(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * The text that one more token completes; often empty.
   *
   * @throws IllegalArgumentException if the vocabulary has no such id
   */
  public String add(int id) {
    byte[] added = tokenizer.sharedBytes(id);
    byte[] bytes = Arrays.copyOf(held, held.length + added.length);
    System.arraycopy(added, 0, bytes, held.length, added.length);
    StringBuilder text = new StringBuilder(bytes.length);
    int used = Utf8.decode(bytes, bytes.length, false, text);
    held = Arrays.copyOfRange(bytes, used, bytes.length);
    return text.toString();
  }

  /** What is left at the end, a character cut short: U+FFFD, else empty. Starts a new text. */
  public String finish() {
    StringBuilder text = new StringBuilder();
    Utf8.decode(held, held.length, true, text);
    held = new byte[0];
    return text.toString();
  }
}
