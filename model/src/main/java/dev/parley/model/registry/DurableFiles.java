package dev.parley.model.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** File operations that survive a power cut, and digests. */
public final class DurableFiles {
  private static final boolean WINDOWS = System.getProperty("os.name").startsWith("Windows");
  private static final int BUFFER_SIZE = 1 << 20;

  private DurableFiles() {}

  /** Waits until a file's or directory's content is on the disk. */
  public static void sync(Path path) throws IOException {
    if (WINDOWS && Files.isDirectory(path)) {
      return; // Windows neither can nor need flush a directory
    }
    // a copy of a read-only file is read-only: Linux flushes it all the same, Windows does not
    OpenOption mode = WINDOWS ? StandardOpenOption.WRITE : StandardOpenOption.READ;
    try (FileChannel channel = FileChannel.open(path, mode)) {
      channel.force(true);
    }
  }

  /** Makes a directory and those above it; fine if it is there, itself or by a link. */
  static void createDirectories(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) { // before Java 20, links to directories were refused
      Files.createDirectories(directory);
    }
  }

  /** Replaces a small file: readers see the old content or the new. For one writer at a time. */
  static void replace(Path file, String content) throws IOException {
    Path aside = file.resolveSibling("." + file.getFileName() + ".new");
    try {
      Files.writeString(aside, content);
      sync(aside);
      rename(aside, file);
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(aside);
      throw e;
    }
  }

  /** Renames within a file system in one step, on disk when it returns. */
  static void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    sync(to.resolveSibling("."));
  }

  /** Deletes a directory and all in it; nothing if it is not there. */
  static void deleteTree(Path directory) throws IOException {
    List<Path> deepestFirst;
    try (Stream<Path> paths = Files.walk(directory)) {
      deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
    } catch (NoSuchFileException e) {
      return;
    } catch (UncheckedIOException e) {
      if (e.getCause() instanceof NoSuchFileException) {
        return; // another process is deleting it
      }
      throw e.getCause();
    }
    for (Path path : deepestFirst) {
      Files.deleteIfExists(path);
    }
  }

  /** What a directory holds. */
  static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.sorted().toList();
    }
  }

  /** SHA-256 of a file in hexadecimal. */
  static String sha256(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
    byte[] buffer = new byte[BUFFER_SIZE];
    try (InputStream content = Files.newInputStream(file)) {
      for (int read = content.read(buffer); read >= 0; read = content.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
