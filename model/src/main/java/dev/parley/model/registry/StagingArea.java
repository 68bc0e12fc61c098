package dev.parley.model.registry;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory {@code .staging} of a registry, where versions are before they are visible and
 * after they are deleted. Each has a slot with a lock file that its process holds; a slot whose
 * lock is free belongs to a process that died. Slots are opened and cleaned under the registry's
 * lock, so that none is seen half-made.
 */
final class StagingArea {
  private static final Logger LOGGER = LoggerFactory.getLogger(StagingArea.class);

  /** Slots of this process: their lock files must not be opened again (see RegistryLock). */
  private static final Set<Path> OWN = ConcurrentHashMap.newKeySet();

  private final Path directory;

  StagingArea(Path root) {
    directory = root.resolve(".staging");
  }

  /** A place for one version. Closing it deletes what is in it. */
  static final class Slot implements AutoCloseable {
    private final Path directory;
    private final FileChannel lock;

    private Slot(Path directory, FileChannel lock) {
      this.directory = directory;
      this.lock = lock;
    }

    /** Where the version's directory is, or will be. */
    Path version() {
      return directory.resolve("version");
    }

    @Override
    public void close() throws IOException {
      DurableFiles.deleteTree(version());
      lock.close();
      DurableFiles.deleteTree(directory);
      OWN.remove(directory);
    }
  }

  /** A new slot, without a version's directory. Under the registry's lock. */
  Slot open() throws IOException {
    DurableFiles.createDirectories(directory);
    Path slot = directory.toRealPath().resolve(UUID.randomUUID().toString());
    OWN.add(slot);
    try {
      Files.createDirectory(slot);
      return new Slot(slot, lock(slot));
    } catch (IOException | RuntimeException e) {
      DurableFiles.deleteTree(slot);
      OWN.remove(slot);
      throw e;
    }
  }

  private static FileChannel lock(Path slot) throws IOException {
    FileChannel channel =
        FileChannel.open(slot.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      channel.lock();
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Deletes what dead processes left. Under the registry's lock. */
  void clean() throws IOException {
    if (!Files.isDirectory(directory)) {
      return;
    }
    for (Path slot : DurableFiles.list(directory.toRealPath())) {
      try {
        if (!OWN.contains(slot) && isAbandoned(slot)) {
          DurableFiles.deleteTree(slot);
          LOGGER.info("deleted {}, which a process left behind when it died", slot);
        }
      } catch (NoSuchFileException e) {
        LOGGER.debug("{} was closed by its owner in this moment", slot);
      } catch (IOException e) {
        LOGGER.warn("cannot delete {}, which a process left behind: {}", slot, e.toString());
      }
    }
  }

  private static boolean isAbandoned(Path slot) throws IOException {
    Path file = slot.resolve("lock");
    if (!Files.exists(file)) {
      return true;
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      return lock != null;
    }
  }
}
