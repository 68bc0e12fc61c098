package dev.parley.model.hub;

import dev.parley.model.hub.HubException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/**
 * Brings one file's content into the cache: goes on where an earlier attempt broke off, checks size
 * and digest, and shows the blob only when it is whole.
 */
final class BlobDownload {
  private static final int BUFFER_SIZE = 256 << 10;

  /** What Hugging Face's tools left half done and have not touched for so long, nobody writes. */
  private static final Duration ABANDONED = Duration.ofMinutes(2);

  private final HubClient client;
  private final HubSettings settings;
  private final HubId id;
  private final HubListener listener;

  BlobDownload(HubClient client, HubSettings settings, HubId id, HubListener listener) {
    this.client = client;
    this.settings = settings;
    this.id = id;
    this.listener = listener;
  }

  /**
   * Downloads a file to its blob.
   *
   * @param done hears how many bytes of this file are here
   * @throws HubException if it cannot be had, or is not what was announced; a part of it may stay
   *     for the next time
   * @throws IOException if the cache cannot be written
   */
  void run(RemoteFile file, Path blob, LongConsumer done) throws IOException {
    Path part = blob.resolveSibling(blob.getFileName() + ".parley.incomplete");
    adopt(blob.resolveSibling(blob.getFileName() + ".incomplete"), part);
    boolean resumed = size(part) > 0;
    transfer(file, part, done);
    if (!isRight(file, part)) {
      Files.delete(part);
      if (resumed) { // perhaps the older part was of something else
        listener.note("%s: what was here of it is damaged; once more".formatted(file.name()));
        transfer(file, part, done);
      }
      if (!resumed || !isRight(file, part)) {
        Files.deleteIfExists(part);
        throw new HubException(
            Kind.DAMAGED,
            "%s of %s came with other content than %s announces (SHA-256 %s): a proxy or mirror on the way changes it, or the disk is failing; nothing was kept"
                .formatted(file.name(), id, settings.endpoint(), file.etag()));
      }
    }
    Files.move(part, blob, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Takes over what Hugging Face's tools have begun, where they are not at it still. */
  private static void adopt(Path theirs, Path ours) throws IOException {
    try {
      Instant touched = Files.getLastModifiedTime(theirs).toInstant();
      if (size(ours) == 0 && touched.plus(ABANDONED).isBefore(Instant.now())) {
        Files.move(theirs, ours, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (NoSuchFileException e) {
      // they have begun nothing
    }
  }

  /** Fills the part until it has the announced size. */
  private void transfer(RemoteFile file, Path part, LongConsumer done) throws IOException {
    try (FileChannel to =
        FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      if (to.size() > file.size()) {
        to.truncate(0);
      }
      int failures = 0;
      while (to.size() < file.size()) {
        long before = to.size();
        try {
          attempt(file, to, done);
        } catch (WriteException e) {
          throw e.getCause();
        } catch (IOException e) {
          failures = to.size() > before ? 1 : failures + 1;
          if (failures >= HubSettings.ATTEMPTS) {
            throw client.unreachable(id, file.name(), e);
          }
          listener.note(
              "%s: %s after %,d of %,d bytes; going on from there"
                  .formatted(file.name(), e.getMessage(), to.size(), file.size()));
          client.pause(failures, e);
        }
      }
      to.force(true);
    }
  }

  /** One answer's worth of bytes. */
  private void attempt(RemoteFile file, FileChannel to, LongConsumer done) throws IOException {
    long from = to.size();
    HttpResponse<InputStream> answer = client.open(id, file.name(), from);
    try (InputStream content = answer.body();
        StallGuard guard = new StallGuard(content, settings.stallTime())) {
      if (answer.statusCode() == 416) {
        to.truncate(0); // the part is of something longer
        throw new IOException("nothing follows");
      }
      if (answer.statusCode() == 206) {
        requireStart(answer, from);
      } else {
        from = 0; // it does not know ranges: from the beginning again
        to.truncate(0);
      }
      to.position(from);
      byte[] buffer = new byte[BUFFER_SIZE];
      long have = from;
      for (int read = read(content, buffer, guard);
          read >= 0;
          read = read(content, buffer, guard)) {
        if (have + read > file.size()) {
          to.truncate(0);
          throw new HubException(
              Kind.DAMAGED,
              "%s of %s is longer than the %,d bytes that %s announces: a proxy or mirror on the way changes it; nothing was kept"
                  .formatted(file.name(), id, file.size(), settings.endpoint()));
        }
        write(to, ByteBuffer.wrap(buffer, 0, read));
        have += read;
        done.accept(have);
      }
    }
    if (to.size() < file.size()) {
      throw new IOException("the connection ended");
    }
  }

  private static int read(InputStream content, byte[] buffer, StallGuard guard) throws IOException {
    try {
      int read = content.read(buffer);
      guard.moved();
      return read;
    } catch (IOException e) {
      throw guard.explain(e);
    }
  }

  private static void requireStart(HttpResponse<?> answer, long from) throws IOException {
    String range = answer.headers().firstValue("Content-Range").orElse("");
    if (!range.startsWith("bytes " + from + "-")) {
      throw new IOException("asked for bytes from %d, got '%s'".formatted(from, range));
    }
  }

  /** The disk's failure, which no other attempt mends. */
  private static final class WriteException extends IOException {
    private static final long serialVersionUID = 1;
    private final IOException reason;

    WriteException(IOException reason) {
      super(reason);
      this.reason = reason;
    }

    @Override
    public synchronized IOException getCause() {
      return reason;
    }
  }

  private static void write(FileChannel to, ByteBuffer bytes) throws WriteException {
    try {
      while (bytes.hasRemaining()) {
        to.write(bytes);
      }
    } catch (IOException e) {
      throw new WriteException(e);
    }
  }

  private static boolean isRight(RemoteFile file, Path part) throws IOException {
    if (size(part) != file.size()) {
      return false;
    }
    return file.sha256().isEmpty() || file.sha256().get().equals(sha256(part));
  }

  private static String sha256(Path file) throws IOException {
    try (InputStream content = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] buffer = new byte[BUFFER_SIZE];
      for (int read = content.read(buffer); read >= 0; read = content.read(buffer)) {
        digest.update(buffer, 0, read);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  private static long size(Path file) throws IOException {
    try {
      return Files.size(file);
    } catch (NoSuchFileException e) {
      return 0;
    }
  }
}
