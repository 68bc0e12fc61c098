package dev.parley.trainer.data;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * The lines of a UTF-8 file, one at a time, unpacked if the file is gzip (its first bytes tell, not
 * its name). A byte order mark at the start is left out. A line with bytes that are no UTF-8 is a
 * problem and reads as empty.
 */
final class LineReader implements Closeable {
  /** 16 MiB: no dialogue is that long; a file without line ends would otherwise fill the memory. */
  private static final int MAX_LINE_BYTES = 1 << 24;

  private final InputStream in;
  private final Problems problems;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final NavigableSet<Integer> damaged = new TreeSet<>();
  private int line;
  private boolean ended;

  LineReader(Path file, Problems problems) throws IOException {
    this.problems = problems;
    InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    try {
      raw.mark(2);
      boolean gzip = raw.read() == 0x1f && raw.read() == 0x8b;
      raw.reset();
      this.in = gzip ? new BufferedInputStream(new GZIPInputStream(raw, 1 << 16), 1 << 16) : raw;
    } catch (IOException e) {
      raw.close();
      throw e;
    }
  }

  /** The number of the line that was read last, from 1. */
  int line() {
    return line;
  }

  /** Whether one of the lines from `first` to `last` could not be read, and reads as empty. */
  boolean damaged(long first, long last) {
    Integer next = damaged.ceiling(Math.toIntExact(first));
    return next != null && next <= last;
  }

  /** The next line without its end, or null at the end of the file. */
  @Nullable String next() throws IOException {
    if (ended) {
      return null;
    }
    bytes.reset();
    boolean tooLong = false;
    int b;
    while ((b = in.read()) >= 0 && b != '\n') {
      if (bytes.size() < MAX_LINE_BYTES) {
        bytes.write(b);
      } else {
        tooLong = true;
      }
    }
    if (b < 0) {
      ended = true;
      if (bytes.size() == 0) {
        return null;
      }
    }
    line++;
    if (tooLong) {
      damaged.add(line);
      problems.add(line, 0, "the line is longer than 16 MiB; expected one dialogue a line");
      return "";
    }
    return decode(bytes.toByteArray());
  }

  private String decode(byte[] content) {
    int start = line == 1 && startsWithMark(content) ? 3 : 0;
    int end = content.length;
    if (end > start && content[end - 1] == '\r') {
      end--;
    }
    ByteBuffer input = ByteBuffer.wrap(content, start, end - start);
    try {
      return decoder.decode(input).toString();
    } catch (CharacterCodingException e) {
      int bad = input.position();
      damaged.add(line);
      String before = new String(content, start, bad - start, StandardCharsets.UTF_8);
      problems.add(
          line,
          before.length() + 1,
          "byte 0x%02x is no UTF-8; save the file as UTF-8".formatted(content[bad] & 0xff));
      return "";
    }
  }

  private static boolean startsWithMark(byte[] content) {
    return content.length >= 3
        && content[0] == (byte) 0xef
        && content[1] == (byte) 0xbb
        && content[2] == (byte) 0xbf;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
