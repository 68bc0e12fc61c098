package dev.parley.server.training;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * Uploads that can go on where they broke off: {@code .partial-<sha256>/bytes} beside the datasets.
 * One call writes to one of them at a time. They are kept for {@link #KEPT} and are at most {@value
 * #MOST}, so that broken uploads do not fill the disk.
 */
final class PartialUploads {
  static final String PREFIX = ".partial-";

  /** Long enough to mend a connection, or to come back after a weekend. */
  static final Duration KEPT = Duration.ofDays(4);

  private static final int MOST = 16;

  private final Path root;
  private final Map<String, DatasetUpload> writers = new ConcurrentHashMap<>();

  PartialUploads(Path root) {
    this.root = root;
  }

  /** Bytes of a file that have arrived. */
  long size(String sha256) {
    try {
      return Files.size(file(sha256));
    } catch (NoSuchFileException e) {
      return 0;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Gives a file to a call, which is the only one to write to it; the one before is ended. */
  Path claim(String sha256, DatasetUpload writer) throws IOException {
    DatasetUpload before = writers.put(sha256, writer);
    if (before != null) {
      before.takenOver();
    }
    Path file = file(sha256);
    if (!Files.exists(file)) {
      Datasets.discard(file.resolveSibling("")); // of a server that died while it gave the name
      discardOldest(MOST - 1);
    }
    Files.createDirectories(file.resolveSibling(""));
    return file;
  }

  /** A call has ended. */
  void release(String sha256, DatasetUpload writer) {
    writers.remove(sha256, writer);
  }

  /** Removes what nobody came back for. */
  void discardExpired(Instant now) throws IOException {
    for (Path directory : oldestFirst()) {
      if (changed(directory).toInstant().isBefore(now.minus(KEPT))) {
        Datasets.discard(directory);
      }
    }
  }

  private void discardOldest(int left) throws IOException {
    List<Path> waiting = new ArrayList<>(oldestFirst());
    int surplus = waiting.size() - left;
    waiting.removeIf(directory -> writers.containsKey(sha256(directory)));
    for (Path directory : waiting.subList(0, Math.max(0, Math.min(surplus, waiting.size())))) {
      Datasets.discard(directory);
    }
  }

  private List<Path> oldestFirst() throws IOException {
    try (Stream<Path> entries = Files.list(root)) {
      return entries
          .filter(entry -> String.valueOf(entry.getFileName()).startsWith(PREFIX))
          .sorted(Comparator.comparing(PartialUploads::changed))
          .toList();
    }
  }

  private static FileTime changed(Path directory) {
    Path file = directory.resolve("bytes");
    try {
      return Files.getLastModifiedTime(Files.exists(file) ? file : directory);
    } catch (IOException e) {
      return FileTime.from(Instant.EPOCH); // it went away meanwhile
    }
  }

  private Path file(String sha256) {
    return root.resolve(PREFIX + sha256).resolve("bytes");
  }

  private static String sha256(Path directory) {
    return String.valueOf(directory.getFileName()).substring(PREFIX.length());
  }
}
