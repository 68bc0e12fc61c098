package dev.parley.server.training;

import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.Code;
import dev.parley.server.rpc.RpcException;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.InvalidDataException;
import dev.parley.v1.GetDatasetResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Uploaded data, {@code <home>/datasets/<sha256>/<file name>}. A dataset appears whole, by one
 * rename, after its file was read through, and never changes; what is uploaded meanwhile lies in
 * {@code .upload-…}, or in {@code .partial-…} where it can go on later.
 */
public final class Datasets {
  private static final String UPLOAD = ".upload-";

  private final Path root;
  private final PartialUploads partial;

  /**
   * A dataset that is there.
   *
   * @param fileName of its first upload
   */
  record Stored(String sha256, String fileName, long sizeBytes, int dialogues) {}

  /**
   * The datasets of a home. Uploads that an earlier server left unfinished are removed, but those
   * that can go on.
   */
  public Datasets(Path home) {
    this.root = home.resolve("datasets");
    this.partial = new PartialUploads(root);
    try {
      Files.createDirectories(root);
      partial.discardExpired(Instant.now());
      try (Stream<Path> entries = Files.list(root)) {
        entries.filter(entry -> name(entry).startsWith(UPLOAD)).forEach(Datasets::discard);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The file of a dataset.
   *
   * @param dataset {@code sha256:} and 64 hexadecimal digits
   */
  public Optional<Path> find(String dataset) {
    Path directory = root.resolve(dataset.substring("sha256:".length()));
    if (!Files.isDirectory(directory)) {
      return Optional.empty();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(file -> Files.isRegularFile(file) && !name(file).startsWith("."))
          .findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What is there of a dataset; empty if nothing. */
  Optional<GetDatasetResponse> describe(String dataset) {
    GetDatasetResponse.Builder description = GetDatasetResponse.newBuilder().setDataset(dataset);
    Optional<Path> file = find(dataset);
    if (file.isPresent()) {
      try {
        description
            .setComplete(true)
            .setFileName(name(file.get()))
            .setSizeBytes(Files.size(file.get()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    } else {
      description.setSizeBytes(partial.size(dataset.substring("sha256:".length())));
    }
    return description.getSizeBytes() == 0 ? Optional.empty() : Optional.of(description.build());
  }

  /** A fresh directory for an upload. */
  Path newUpload() throws IOException {
    return Files.createTempDirectory(root, UPLOAD);
  }

  /** Uploads that can go on where they broke off. */
  PartialUploads partial() {
    return partial;
  }

  /**
   * A dataset that is there as a whole, as it would be after one more upload.
   *
   * @throws RpcException FAILED_PRECONDITION if the name tells another format than it has
   */
  Stored stored(String sha256, String fileName) throws IOException {
    Path file =
        find("sha256:" + sha256)
            .orElseThrow(() -> new IOException("dataset sha256:" + sha256 + " went away"));
    requireSameFormat(file, fileName);
    return new Stored(sha256, name(file), Files.size(file), validated(file));
  }

  /**
   * Reads an uploaded file through and makes a dataset of it. Where there is one with the same
   * bytes already, that one stays.
   *
   * @param file alone in its directory
   * @param fileName that it gets
   * @throws RpcException INVALID_ARGUMENT naming the lines that are wrong; FAILED_PRECONDITION if
   *     the same bytes are there in another format
   */
  Stored admit(Path file, String sha256, String fileName) throws IOException {
    Path named = Files.move(file, file.resolveSibling(fileName));
    Stored stored = new Stored(sha256, fileName, Files.size(named), validated(named));
    try {
      Files.move(parent(named), root.resolve(sha256), StandardCopyOption.ATOMIC_MOVE);
      return stored;
    } catch (FileSystemException e) { // there is one: as a name in use, or as not empty
      if (!Files.isDirectory(root.resolve(sha256))) {
        throw e;
      }
      discard(parent(named));
      return stored(sha256, fileName);
    }
  }

  private static void requireSameFormat(Path stored, String fileName) {
    if (!DialogueReader.sameFormat(name(stored), fileName)) {
      throw RpcException.of(
          Code.FAILED_PRECONDITION,
          "DATASET_OTHER_FORMAT",
          "these bytes are here as %s, and are read as that ending says, not as %s; a dataset never changes"
              .formatted(name(stored), fileName),
          Map.of("file_name", name(stored)));
    }
  }

  private static int validated(Path file) {
    try {
      return DialogueReader.scan(file, dialogue -> {});
    } catch (InvalidDataException e) {
      List<FieldViolation> violations =
          e.problems().stream()
              .map(
                  problem ->
                      RpcException.violation(
                          "%s:%d:%d".formatted(name(file), problem.line(), problem.column()),
                          problem.message()))
              .toList();
      throw RpcException.invalid(violations);
    } catch (UncheckedIOException e) {
      throw RpcException.of(
          Code.INVALID_ARGUMENT,
          "DATASET_UNREADABLE",
          "%s cannot be read: %s".formatted(name(file), e.getMessage()),
          Map.of("file_name", name(file)));
    }
  }

  /** Removes an upload's directory; without complaint if it is gone already. */
  static void discard(Path directory) {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> entries = Files.walk(directory)) {
      for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(entry);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path parent(Path file) {
    return file.toAbsolutePath().resolveSibling("");
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }
}
