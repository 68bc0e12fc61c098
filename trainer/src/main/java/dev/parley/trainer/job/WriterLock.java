package dev.parley.trainer.job;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The right to write a file, held by one writer over all processes; the system drops it when the
 * process ends, however it ends.
 *
 * <p>The lock is on a file beside the guarded one that nobody reads. A lock on the guarded file
 * itself would not last: on POSIX systems it belongs to the process and is dropped as soon as the
 * process closes any channel to that file, a reader's too.
 */
final class WriterLock implements AutoCloseable {
  /** Files that this process may write: opening and closing their lock file would drop the lock. */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  /** Someone who asks {@link #isHeld} holds the lock for a moment; a writer tries again. */
  private static final int TRIES = 10;

  private static final long PAUSE_MILLIS = 20;

  private final Path guarded;
  private final FileChannel channel;

  private WriterLock(Path guarded, FileChannel channel) {
    this.guarded = guarded;
    this.channel = channel;
  }

  /** Takes the lock; empty if another writer has it. */
  static Optional<WriterLock> take(Path file) throws IOException {
    Path guarded = file.toAbsolutePath().normalize();
    if (!HELD.add(guarded)) {
      return Optional.empty();
    }
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(lockFile(guarded), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      for (int i = 0; i < TRIES; i++) {
        if (channel.tryLock() != null) {
          return Optional.of(new WriterLock(guarded, channel));
        }
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
      }
    } catch (IOException e) {
      giveUp(guarded, channel);
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    giveUp(guarded, channel);
    return Optional.empty();
  }

  private static void giveUp(Path guarded, @Nullable FileChannel channel) throws IOException {
    HELD.remove(guarded);
    if (channel != null) {
      channel.close();
    }
  }

  /** Whether some writer has the lock. */
  static boolean isHeld(Path file) throws IOException {
    Path guarded = file.toAbsolutePath().normalize();
    if (HELD.contains(guarded)) {
      return true;
    }
    if (!Files.exists(lockFile(guarded))) {
      return false;
    }
    try (FileChannel channel = FileChannel.open(lockFile(guarded), StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      return lock == null;
    }
  }

  private static Path lockFile(Path guarded) {
    return guarded.resolveSibling(guarded.getFileName() + ".lock");
  }

  @Override
  public void close() throws IOException {
    try {
      channel.close();
    } finally {
      HELD.remove(guarded);
    }
  }
}
