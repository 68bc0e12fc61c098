package dev.parley.trainer.loop;

import dev.parley.model.registry.DurableFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Directories that appear whole or not at all, with the digest of every file in {@code SHA256SUMS};
 * {@code sha256sum -c SHA256SUMS} checks one by hand.
 */
final class CheckpointFiles {
  static final String SUMS = "SHA256SUMS";

  private static final int BUFFER = 1 << 20;

  private CheckpointFiles() {}

  /** Writes the digests down, gets everything onto the disk, and gives the directory its name. */
  static void publish(Path staged, Path target) throws IOException {
    StringBuilder sums = new StringBuilder();
    for (Path file : files(staged)) {
      sums.append(sha256(file)).append("  ").append(file.getFileName()).append('\n');
    }
    Files.writeString(staged.resolve(SUMS), sums);
    for (Path file : files(staged)) {
      DurableFiles.sync(file);
    }
    DurableFiles.sync(staged);
    Files.move(staged, target, StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.sync(target.resolveSibling("."));
  }

  /**
   * Reads every file once and compares its digest.
   *
   * @param required must be among them
   */
  static void verify(Path directory, List<String> required)
      throws IOException, DamagedCheckpointException {
    Map<String, String> sums = sums(directory);
    for (String name : required) {
      if (!sums.containsKey(name)) {
        throw new DamagedCheckpointException(
            directory, "%s does not list %s".formatted(SUMS, name));
      }
    }
    for (Map.Entry<String, String> file : sums.entrySet()) {
      String actual;
      try {
        actual = sha256(directory.resolve(file.getKey()));
      } catch (NoSuchFileException e) {
        throw new DamagedCheckpointException(directory, file.getKey() + " is missing");
      }
      if (!actual.equals(file.getValue())) {
        throw new DamagedCheckpointException(
            directory,
            "%s has the SHA-256 %s, but was written with %s"
                .formatted(file.getKey(), actual, file.getValue()));
      }
    }
  }

  private static Map<String, String> sums(Path directory)
      throws IOException, DamagedCheckpointException {
    Map<String, String> sums = new TreeMap<>();
    List<String> lines;
    try {
      lines = Files.readAllLines(directory.resolve(SUMS));
    } catch (NoSuchFileException | java.nio.charset.CharacterCodingException e) {
      throw new DamagedCheckpointException(directory, SUMS + " is missing or no text");
    }
    for (String line : lines) {
      if (!line.matches("[0-9a-f]{64}  [A-Za-z0-9._-]+")) {
        throw new DamagedCheckpointException(directory, SUMS + " has a line that is no digest");
      }
      sums.put(line.substring(66), line.substring(0, 64));
    }
    return sums;
  }

  /** Bytes of all files. */
  static long size(Path directory) throws IOException {
    long bytes = 0;
    for (Path file : files(directory)) {
      bytes += Files.size(file);
    }
    return bytes;
  }

  private static List<Path> files(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }

  /** Deletes a directory and what is in it; nothing if it is not there. */
  static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> entries = Files.walk(directory)) {
      deepestFirst = entries.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path entry : deepestFirst) {
      Files.deleteIfExists(entry);
    }
  }

  private static String sha256(Path file) throws IOException {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JVM has it
    }
    byte[] buffer = new byte[BUFFER];
    try (InputStream content = Files.newInputStream(file)) {
      for (int read = content.read(buffer); read >= 0; read = content.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
