package dev.parley.model.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Makes sure that a blob is downloaded once: among the threads of this process by a lock in memory,
 * among processes of Parley by a lock on the file that Hugging Face's tools lock, too. On Windows
 * these lock each other out as well; elsewhere theirs is of another kind (flock), and both may
 * download at once: each into a file of its own, so that neither harms the other.
 */
final class HubLock {
  // A process loses its locks on a file when it closes any channel to that file, so that a second
  // channel must not be opened while the first one is in use.
  private static final ConcurrentMap<Path, ReentrantLock> IN_PROCESS = new ConcurrentHashMap<>();
  private static final Duration LOOK = Duration.ofMillis(100);

  private HubLock() {}

  /** Work on the files of a cache. */
  interface Work {
    void run() throws IOException;
  }

  /**
   * Waits for a lock, and works.
   *
   * @param file in a directory that exists
   * @param waiting called about ten times a second; what it throws ends the waiting
   */
  static void whileHeld(Path file, Runnable waiting, Work work) throws IOException {
    Path directory = file.resolveSibling(".").toRealPath();
    ReentrantLock inProcess =
        IN_PROCESS.computeIfAbsent(
            directory.resolve(file.getFileName()), path -> new ReentrantLock());
    try {
      while (!inProcess.tryLock(LOOK.toMillis(), TimeUnit.MILLISECONDS)) {
        waiting.run();
      }
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
        while (channel.tryLock() == null) { // then held till the channel is closed
          waiting.run();
          Thread.sleep(LOOK.toMillis());
        }
        work.run();
      } finally {
        inProcess.unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while another download of " + file + " went on", e);
    }
  }
}
