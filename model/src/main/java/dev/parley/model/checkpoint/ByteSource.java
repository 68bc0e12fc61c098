package dev.parley.model.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;

/** A buffered, bounded stretch of a file that knows where it is. Does not own the channel. */
final class ByteSource extends InputStream {
  private final FileChannel channel;
  private final long end;
  private final ByteBuffer buffer = ByteBuffer.allocate(1 << 14).order(ByteOrder.LITTLE_ENDIAN);
  private long next;

  /**
   * A stretch of a file.
   *
   * @param position of the first byte
   * @param end after the last byte
   */
  ByteSource(FileChannel channel, long position, long end) {
    this.channel = channel;
    this.end = end;
    this.next = position;
    buffer.limit(0);
  }

  /** Of the next byte, from the file's start. */
  long position() {
    return next - buffer.remaining();
  }

  /** Bytes to come. */
  long remaining() {
    return end - position();
  }

  @Override
  public int read() throws IOException {
    return fill() ? buffer.get() & 0xFF : -1;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (!fill()) {
      return -1;
    }
    int count = Math.min(length, buffer.remaining());
    buffer.get(bytes, offset, count);
    return count;
  }

  /** The next byte, unsigned. */
  int u8() throws IOException {
    if (!fill()) {
      throw new EOFException("it ends early, at byte " + position());
    }
    return buffer.get() & 0xFF;
  }

  /** The next two bytes, unsigned, little-endian. */
  int u16() throws IOException {
    return u8() | u8() << 8;
  }

  /** The next four bytes, little-endian. */
  int i32() throws IOException {
    return u16() | u16() << 16;
  }

  /** The next four bytes, unsigned, little-endian. */
  long u32() throws IOException {
    return i32() & 0xFFFF_FFFFL;
  }

  /** The next eight bytes, little-endian. */
  long i64() throws IOException {
    return u32() | u32() << 32;
  }

  /** The next bytes; a length that the source does not have takes no memory. */
  byte[] bytes(long length) throws IOException {
    if (length < 0 || length > remaining()) {
      throw new EOFException(
          "%d bytes are announced at byte %d, but %d are left"
              .formatted(length, position(), remaining()));
    }
    byte[] bytes = readNBytes(Math.toIntExact(length));
    if (bytes.length < length) {
      throw new EOFException("it ends early, at byte " + position());
    }
    return bytes;
  }

  private boolean fill() throws IOException {
    if (buffer.hasRemaining()) {
      return true;
    }
    if (next >= end) {
      return false;
    }
    buffer.clear().limit((int) Math.min(buffer.capacity(), end - next));
    int count = channel.read(buffer, next);
    buffer.flip();
    next += Math.max(0, count);
    return count > 0;
  }
}
