package dev.parley.model.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where the entries of a zip lie in its file, of any size. java.util.zip gives streams only;
 * weights are read by position, which uncompressed entries allow, and PyTorch writes no others.
 *
 * <p>Source: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.5.3 (zip64).
 */
final class StoredZip {
  private static final long LOCAL = 0x04034B50;
  private static final long CENTRAL = 0x02014B50;
  private static final long END = 0x06054B50;
  private static final long END_64 = 0x06064B50;
  private static final long LOCATOR_64 = 0x07064B50;
  private static final int END_SIZE = 22;
  private static final int LOCATOR_64_SIZE = 20;
  private static final int LONGEST_COMMENT = 0xFFFF;
  private static final long LONGEST_DIRECTORY = 64 << 20;
  private static final int MOST_ENTRIES = 100_000;
  private static final long IN_ZIP64 = 0xFFFF_FFFFL;

  private final Path file;
  private final FileChannel channel;
  private final Map<String, Header> headers = new LinkedHashMap<>();
  private long directory; // where the central directory starts: no entry reaches beyond

  /**
   * An entry's bytes.
   *
   * @param position of the first, from the file's start
   */
  record Entry(long position, long size) {}

  private record Header(String name, int method, int flags, long packed, long size, long local) {}

  private StoredZip(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /** Reads the central directory. */
  static StoredZip read(Path file, FileChannel channel) throws IOException {
    StoredZip zip = new StoredZip(file, channel);
    zip.readDirectory(zip.findEnd());
    return zip;
  }

  /** The folder, with a slash, in which the only entry of this name lies. */
  String topFolder(String name) {
    for (String path : headers.keySet()) {
      int slash = path.indexOf('/');
      if (slash > 0 && path.substring(slash + 1).equals(name)) {
        return path.substring(0, slash + 1);
      }
    }
    throw problem("is a zip without %s: no PyTorch checkpoint", name);
  }

  /** Whether there is such an entry. */
  boolean contains(String name) {
    return headers.containsKey(name);
  }

  /**
   * Where an entry lies.
   *
   * @throws CheckpointException if it is missing, compressed, encrypted or not inside the file
   */
  Entry entry(String name) throws IOException {
    Header header = headers.get(name);
    if (header == null) {
      throw problem("entry %s is missing from the zip", name);
    }
    if (header.method() != 0 || header.packed() != header.size() || (header.flags() & 1) != 0) {
      throw problem(
          "entry %s is compressed or encrypted; PyTorch stores entries as they are: unpack and"
              + " repack it with zip -0",
          name);
    }
    if (header.local() < 0 || header.local() > directory - 30) {
      throw problem("entry %s starts at byte %d, outside of the zip", name, header.local());
    }
    ByteSource source = new ByteSource(channel, header.local(), directory);
    if (source.u32() != LOCAL) {
      throw problem("entry %s has no header at byte %d", name, header.local());
    }
    source.bytes(22);
    long position = header.local() + 30 + source.u16() + source.u16();
    if (header.size() < 0 || header.size() > directory - position) {
      throw problem(
          "entry %s takes %d bytes from byte %d on, but the entries end at %d: truncated",
          name, header.size(), position, directory);
    }
    return new Entry(position, header.size());
  }

  private long findEnd() throws IOException {
    long size = channel.size();
    long first = Math.max(0, size - END_SIZE - LONGEST_COMMENT);
    byte[] tail = new ByteSource(channel, first, size).readAllBytes();
    for (int at = tail.length - END_SIZE; at >= 0; at--) {
      if (tail[at] == 'P' && tail[at + 1] == 'K' && tail[at + 2] == 5 && tail[at + 3] == 6) {
        return first + at;
      }
    }
    throw problem("is a zip whose directory is missing: truncated");
  }

  private void readDirectory(long end) throws IOException {
    ByteSource source = new ByteSource(channel, end, channel.size());
    check(source.u32() == END, end);
    source.bytes(6);
    long count = source.u16();
    long length = source.u32();
    long start = source.u32();
    if (end >= LOCATOR_64_SIZE) {
      ByteSource locator = new ByteSource(channel, end - LOCATOR_64_SIZE, end);
      if (locator.u32() == LOCATOR_64) {
        locator.i32();
        long end64 = locator.i64();
        check(end64 >= 0 && end64 <= end - LOCATOR_64_SIZE, end64);
        ByteSource record = new ByteSource(channel, end64, end);
        check(record.u32() == END_64, end64);
        record.bytes(28);
        count = record.i64();
        length = record.i64();
        start = record.i64();
      }
    }
    if (count < 0 || count > MOST_ENTRIES || length < 0 || length > LONGEST_DIRECTORY) {
      throw problem(
          "is a zip of %d entries with a directory of %d bytes; at most %d and %d are allowed",
          count, length, MOST_ENTRIES, LONGEST_DIRECTORY);
    }
    check(start >= 0 && start <= end - length, start);
    directory = start;
    ByteSource entries = new ByteSource(channel, start, start + length);
    for (long i = 0; i < count; i++) {
      Header header = header(entries);
      if (headers.put(header.name(), header) != null) {
        throw problem("is a zip with two entries named %s", header.name());
      }
    }
  }

  private Header header(ByteSource source) throws IOException {
    long position = source.position();
    check(source.u32() == CENTRAL, position);
    source.bytes(4); // versions
    int flags = source.u16();
    int method = source.u16();
    source.bytes(8); // time, checksum
    long packed = source.u32();
    long size = source.u32();
    int nameLength = source.u16();
    int extraLength = source.u16();
    int commentLength = source.u16();
    source.bytes(8); // disk, attributes
    long local = source.u32();
    String name = new String(source.bytes(nameLength), StandardCharsets.UTF_8);
    long extraEnd = source.position() + extraLength;
    while (source.position() + 4 <= extraEnd) {
      int kind = source.u16();
      long fieldEnd = source.position() + source.u16() + 2;
      check(fieldEnd <= extraEnd, source.position());
      if (kind == 1) { // zip64: only the fields that do not fit above, in this order
        size = size == IN_ZIP64 ? source.i64() : size;
        packed = packed == IN_ZIP64 ? source.i64() : packed;
        local = local == IN_ZIP64 ? source.i64() : local;
      }
      source.bytes(fieldEnd - source.position());
    }
    source.bytes(extraEnd - source.position() + commentLength);
    return new Header(name, method, flags, packed, size, local);
  }

  private void check(boolean holds, long position) {
    if (!holds) {
      throw problem("is a zip whose directory is damaged at byte %d", position);
    }
  }

  private CheckpointException problem(String text, Object... arguments) {
    return CheckpointException.in(file, text, arguments);
  }
}
