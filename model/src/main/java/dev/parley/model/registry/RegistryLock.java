package dev.parley.model.registry;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The one writer of a registry: among the threads of this process by a lock in memory, among
 * processes by a lock on {@code .lock} in the registry's directory, which the system releases when
 * a process dies. Readers need none: all that they read changes by renames. Not reentrant; held for
 * a few file operations, never while weights are written.
 */
final class RegistryLock {
  // A process loses its locks on a file when it closes any channel to that file, so that a second
  // channel must not be opened while the first one is in use.
  private static final ConcurrentMap<Path, ReentrantLock> IN_PROCESS = new ConcurrentHashMap<>();

  private RegistryLock() {}

  /** Work on the files of a registry. */
  interface Work<T> {
    T run() throws IOException;
  }

  /** Waits for the registry, makes its directory if need be, and works. */
  static <T> T whileHeld(Path root, Work<T> work) throws IOException {
    DurableFiles.createDirectories(root);
    ReentrantLock inProcess =
        IN_PROCESS.computeIfAbsent(root.toRealPath(), path -> new ReentrantLock());
    if (inProcess.isHeldByCurrentThread()) {
      throw new IllegalStateException("this thread holds the lock of %s".formatted(root));
    }
    inProcess.lock();
    try (FileChannel channel =
        FileChannel.open(
            root.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.lock(); // till the channel is closed
      return work.run();
    } finally {
      inProcess.unlock();
    }
  }
}
