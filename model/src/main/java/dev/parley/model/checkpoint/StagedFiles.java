package dev.parley.model.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Files of a directory that appear together or not at all: written and synced under temporary
 * names, renamed by {@link #publish}, deleted by {@link #close} if it never comes to that.
 */
final class StagedFiles implements AutoCloseable {
  private final Path directory;
  private final Map<Path, Path> staged = new LinkedHashMap<>(); // temporary to final

  /** Writes the content of a file. */
  interface Content {
    void writeTo(FileChannel channel) throws IOException;
  }

  StagedFiles(Path directory) {
    this.directory = directory;
  }

  /** Writes and syncs a file under a temporary name. */
  void write(String name, Content content) throws IOException {
    if (Files.isDirectory(directory.resolve(name))) { // renaming would fail when it is too late
      throw new FileAlreadyExistsException(directory.resolve(name) + " is a directory");
    }
    // not createTempFile: its files are for their owner's eyes only
    Path temporary = directory.resolve("." + name + "." + UUID.randomUUID() + ".tmp");
    staged.put(temporary, directory.resolve(name));
    try (FileChannel channel =
        FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
      content.writeTo(channel);
      channel.force(true);
    }
  }

  /** Writes and syncs a small file under a temporary name. */
  void write(String name, byte[] content) throws IOException {
    write(
        name,
        channel -> {
          ByteBuffer bytes = ByteBuffer.wrap(content);
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }

  /** Gives every file its name, replacing older ones, in the order of writing. */
  void publish() throws IOException {
    for (Map.Entry<Path, Path> file : List.copyOf(staged.entrySet())) {
      Files.move(
          file.getKey(),
          file.getValue(),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      staged.remove(file.getKey());
    }
    syncDirectory();
  }

  /** Makes the names survive a power failure, where the system can: Windows opens no directory. */
  private void syncDirectory() {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      return; // the files themselves are synced
    }
  }

  @Override
  public void close() throws IOException {
    for (Path temporary : staged.keySet()) {
      Files.deleteIfExists(temporary);
    }
    staged.clear();
  }
}
