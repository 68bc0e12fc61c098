package dev.parley.model.text;

import java.util.Arrays;

/**
 * The alphabet in which byte-level vocabularies spell bytes: one printable character for each of
 * the 256. Printable Latin-1 characters stand for themselves, the other 68 bytes, in ascending
 * order, for the characters from U+0100 on; a space is Ġ. Source: {@code bytes_to_unicode} in
 * OpenAI's GPT-2 encoder.
 */
final class ByteAlphabet {
  private static final char[] CHARACTERS = new char[256];
  private static final short[] BYTES = new short[0x100 + 68];

  static {
    Arrays.fill(BYTES, (short) -1);
    char next = 0x100;
    for (int value = 0; value < 256; value++) {
      CHARACTERS[value] = isPrintable(value) ? (char) value : next++;
      BYTES[CHARACTERS[value]] = (short) value;
    }
  }

  private ByteAlphabet() {}

  /** How a vocabulary spells bytes. */
  static String spell(byte[] bytes) {
    char[] spelled = new char[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      spelled[i] = CHARACTERS[bytes[i] & 0xff];
    }
    return new String(spelled);
  }

  /** Whether every character of a token stands for a byte. */
  static boolean isSpelled(String token) {
    return token.chars().allMatch(c -> c < BYTES.length && BYTES[c] >= 0);
  }

  /** The bytes that a spelled token stands for. */
  static byte[] bytes(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) BYTES[token.charAt(i)];
    }
    return bytes;
  }

  private static boolean isPrintable(int value) {
    return (value >= '!' && value <= '~')
        || (value >= 0xa1 && value <= 0xac)
        || (value >= 0xae && value <= 0xff);
  }
}
