package dev.parley.trainer.job;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A lock that one holder has, in whichever process, until it lets go or its process ends.
 *
 * <p>Between processes it is the system's lock on a file. Within this process a set of paths comes
 * first: to open and close the file a second time would drop the system's lock.
 */
final class WriterLock implements AutoCloseable {
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();
  private static final int ATTEMPTS = 20;
  private static final long PAUSE_NANOS = 25_000_000;

  private final Path key;
  private final FileChannel channel;

  private WriterLock(Path key, FileChannel channel) {
    this.key = key;
    this.channel = channel;
  }

  /**
   * Takes the lock; null if someone has it. Tries for half a second, since {@link #isTaken} in
   * another process holds it for a moment.
   */
  static @Nullable WriterLock take(Path file) {
    Path key = file.toAbsolutePath().normalize();
    WriterLock lock = tryTake(file, key);
    for (int attempt = 1; attempt < ATTEMPTS && lock == null; attempt++) {
      LockSupport.parkNanos(PAUSE_NANOS);
      lock = tryTake(file, key);
    }
    return lock;
  }

  private static @Nullable WriterLock tryTake(Path file, Path key) {
    if (!HELD.add(key)) {
      return null;
    }
    FileChannel channel = null;
    boolean taken = false;
    try {
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      taken = channel.tryLock() != null;
      return taken ? new WriterLock(key, channel) : null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      if (!taken) {
        close(channel);
        HELD.remove(key);
      }
    }
  }

  /** Whether someone has the lock. */
  static boolean isTaken(Path file) {
    Path key = file.toAbsolutePath().normalize();
    if (!Files.exists(file)) {
      return false;
    }
    if (!HELD.add(key)) {
      return true;
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      return lock == null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      HELD.remove(key);
    }
  }

  private static void close(@Nullable FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    close(channel);
    HELD.remove(key);
  }
}
