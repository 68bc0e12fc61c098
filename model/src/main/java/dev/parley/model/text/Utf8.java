package dev.parley.model.text;

/**
 * UTF-8 to text, for bytes that may end in the middle of a character or be no UTF-8 at all. Each
 * longest beginning of a well-formed sequence that is cut short becomes one U+FFFD, and so does
 * every other byte that fits nowhere (Unicode 16, section 3.9, "U+FFFD Substitution of Maximal
 * Subparts"; the JDK's decoder differs for encoded surrogates). This is what Hugging Face's
 * tokenizers do.
 */
public final class Utf8 {
  static final char REPLACEMENT = '\ufffd';

  private Utf8() {}

  /**
   * Where a text has half of a surrogate pair.
   *
   * @param from the index to look from, which is not in the middle of a pair
   * @return its index, -1 where there is none
   */
  public static int unpairedSurrogate(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c)) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Appends what the bytes say.
   *
   * @param last whether nothing follows: a character cut short at the end is then malformed, else
   *     it is left over
   * @return how many bytes were used; the rest, at most 3, begins a character
   */
  static int decode(byte[] bytes, int length, boolean last, StringBuilder text) {
    int position = 0;
    while (position < length) {
      int lead = bytes[position] & 0xff;
      int wanted = sequenceLength(lead);
      int found = 1;
      int codePoint = lead & (0xff >> (wanted + 1));
      while (found < wanted
          && position + found < length
          && continues(lead, found, bytes[position + found] & 0xff)) {
        codePoint = (codePoint << 6) | (bytes[position + found] & 0x3f);
        found++;
      }
      if (wanted == 1) {
        text.append((char) lead);
      } else if (found == wanted) {
        text.appendCodePoint(codePoint);
      } else if (wanted > 1 && position + found == length && !last) {
        return position;
      } else {
        text.append(REPLACEMENT);
      }
      position += found;
    }
    return length;
  }

  /** Bytes of the sequence that a byte begins; 0 if it begins none. */
  private static int sequenceLength(int lead) {
    if (lead < 0x80) {
      return 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
      return 0;
    }
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  }

  /** Whether a byte may follow: table 3-7 of the Unicode standard narrows the second one. */
  private static boolean continues(int lead, int index, int value) {
    int low = 0x80;
    int high = 0xbf;
    if (index == 1) {
      low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : low;
      high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : high;
    }
    return value >= low && value <= high;
  }
}
