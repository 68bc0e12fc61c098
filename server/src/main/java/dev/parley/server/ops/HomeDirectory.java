package dev.parley.server.ops;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A home that this server has for itself, by a lock on {@code server.lock}. The system drops the
 * lock with the process, so a crash leaves nothing to clean up; the file stays and is used again.
 */
final class HomeDirectory implements AutoCloseable {
  /**
   * Homes that this process holds. Opening a locked file again and closing it would drop the lock:
   * POSIX locks belong to the process.
   */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path home;
  private final FileChannel channel;

  private HomeDirectory(Path home, FileChannel channel) {
    this.home = home;
    this.channel = channel;
  }

  /**
   * Makes the home if it is missing, and holds it.
   *
   * @throws ServerStartException if it cannot be written to, or another server holds it
   */
  static HomeDirectory hold(Path given) {
    Path home = create(given);
    Path file = home.resolve("server.lock");
    if (!HELD.add(home)) {
      throw inUse(home, Long.toString(ProcessHandle.current().pid()));
    }
    try {
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      if (channel.tryLock() == null) {
        channel.close();
        throw inUse(home, Files.readString(file).strip());
      }
      channel.truncate(0);
      String pid = ProcessHandle.current().pid() + "\n";
      channel.write(ByteBuffer.wrap(pid.getBytes(StandardCharsets.UTF_8)));
      return new HomeDirectory(home, channel);
    } catch (IOException e) {
      HELD.remove(home);
      throw notWritable(home, e);
    } catch (ServerStartException e) {
      HELD.remove(home);
      throw e;
    }
  }

  private static Path create(Path home) {
    try {
      Files.createDirectories(home);
      return home.toRealPath();
    } catch (IOException e) {
      throw notWritable(home, e);
    }
  }

  private static ServerStartException notWritable(Path home, IOException e) {
    String why =
        e instanceof FileSystemException failure && failure.getReason() != null
            ? failure.getReason()
            : e.getClass().getSimpleName();
    return new ServerStartException(
        "home %s cannot be written to (%s: %s): change its permissions, or choose another with --home"
            .formatted(home, why, e.getMessage()),
        e);
  }

  private static ServerStartException inUse(Path home, String pid) {
    return new ServerStartException(
        "home %s is used by another server, process %s: stop it, or choose another with --home"
            .formatted(home, pid),
        null);
  }

  Path path() {
    return home;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      HELD.remove(home);
    }
  }
}
