package dev.parley.server.training;

import com.google.protobuf.ByteString;
import com.google.rpc.Code;
import dev.parley.server.rpc.RpcException;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;

/** A file as it arrives, digested on the way. Not thread-safe. */
final class IncomingFile implements Closeable {
  private final Path path;
  private final FileChannel channel;
  private final MessageDigest digest;
  private long size;

  private IncomingFile(Path path, FileChannel channel, MessageDigest digest, long size) {
    this.path = path;
    this.channel = channel;
    this.digest = digest;
    this.size = size;
  }

  /**
   * Goes on after some bytes of a file, which is made if it is not there; what lies behind them is
   * cut off.
   *
   * @param offset 0 begins anew
   * @throws RpcException FAILED_PRECONDITION if fewer bytes are there
   */
  static IncomingFile open(Path path, long offset) throws IOException {
    long there = Files.exists(path) ? Files.size(path) : 0;
    if (offset > there) {
      throw RpcException.of(
          Code.FAILED_PRECONDITION,
          "DATASET_OFFSET",
          "header.offset is %d, but %d bytes are here: ask GetDataset, and go on from there"
              .formatted(offset, there),
          Map.of("size_bytes", Long.toString(there)));
    }
    MessageDigest digest = sha256();
    if (offset > 0) {
      digest(path, offset, digest);
    }
    FileChannel channel =
        FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      channel.truncate(offset).position(offset);
      return new IncomingFile(path, channel, digest, offset);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  Path path() {
    return path;
  }

  /** Bytes so far. */
  long size() {
    return size;
  }

  void write(ByteString bytes) throws IOException {
    for (ByteBuffer piece : bytes.asReadOnlyByteBufferList()) {
      digest.update(piece.duplicate());
      while (piece.hasRemaining()) {
        size += channel.write(piece);
      }
    }
  }

  /** Ends the file: all of it is on disk. Gives its SHA-256 in hexadecimal. */
  String finish() throws IOException {
    channel.force(true);
    channel.close();
    return HexFormat.of().formatHex(digest.digest());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private static void digest(Path path, long length, MessageDigest digest) throws IOException {
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(path)) {
      for (long left = length; left > 0; ) {
        int read = in.read(buffer, 0, (int) Math.min(buffer.length, left));
        digest.update(buffer, 0, read);
        left -= read;
      }
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
  }
}
