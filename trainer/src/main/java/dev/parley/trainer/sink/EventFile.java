package dev.parley.trainer.sink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * A file of TFRecords that is written again from its beginning without being changed: a record that
 * stands there already is passed over, the first one that differs is replaced, with all after it.
 * So a second process goes on where the first one was killed, and a reader who has the file open
 * notices nothing.
 *
 * <p>A record is its length (64 bits, little-endian), the masked CRC32C of the length, the data,
 * and the masked CRC32C of the data. Source: github.com/tensorflow/tensorflow,
 * lib/io/record_writer.h.
 */
final class EventFile implements AutoCloseable {
  private static final int FRAME = 16;
  private static final int MASK = 0xa282ead8;

  private final FileChannel channel;
  private long position;
  private boolean behindOld;

  /** Opens a file at its beginning, and makes it if need be. */
  EventFile(Path file) {
    try {
      Files.createDirectories(file.resolveSibling("."));
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write " + file + ": " + e, e);
    }
  }

  /** Writes the next record, unless it stands there. */
  void append(byte[] data) {
    ByteBuffer record = framed(data);
    try {
      if (behindOld || !standsThere(record)) {
        if (!behindOld) {
          channel.truncate(position);
          behindOld = true;
        }
        long at = position;
        while (record.hasRemaining()) {
          at += channel.write(record, at);
        }
      }
      position += data.length + FRAME;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot write the event file: " + e, e);
    }
  }

  private boolean standsThere(ByteBuffer record) throws IOException {
    ByteBuffer old = ByteBuffer.allocate(record.remaining());
    while (old.hasRemaining() && channel.read(old, position + old.position()) >= 0) {
      // until as much is read
    }
    return old.flip().equals(record);
  }

  private static ByteBuffer framed(byte[] data) {
    ByteBuffer record = ByteBuffer.allocate(data.length + FRAME).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(maskedCrc(record.array(), Long.BYTES));
    record.put(data);
    record.putInt(maskedCrc(data, data.length));
    return record.flip();
  }

  /** CRC32C, turned and moved, so that a checksum of data with checksums in it is a good one. */
  static int maskedCrc(byte[] data, int length) {
    CRC32C crc = new CRC32C();
    crc.update(data, 0, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
