package dev.parley.server.training;

import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.Code;
import dev.parley.server.rpc.RpcException;
import dev.parley.trainer.data.DialogueReader;
import dev.parley.trainer.data.InvalidDataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Uploaded data, {@code <home>/datasets/<sha256>/<file name>}. A dataset appears whole, by one
 * rename, after its file was read through; what is uploaded meanwhile lies in {@code .upload-…}.
 */
public final class Datasets {
  private static final String UPLOAD = ".upload-";

  private final Path root;

  /** The datasets of a home. Uploads that an earlier server left unfinished are removed. */
  public Datasets(Path home) {
    this.root = home.resolve("datasets");
    try {
      Files.createDirectories(root);
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
      return files.filter(Files::isRegularFile).findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A fresh directory for an upload. */
  Path newUpload() throws IOException {
    return Files.createTempDirectory(root, UPLOAD);
  }

  /**
   * Reads an uploaded file through and makes a dataset of it. Where there is one with the same
   * bytes already, that one stays.
   *
   * @param file alone in its directory, from {@link #newUpload}
   * @return how many dialogues it holds
   * @throws RpcException INVALID_ARGUMENT naming the lines that are wrong
   */
  int admit(Path file, String sha256) throws IOException {
    int dialogues = validated(file);
    try {
      Files.move(parent(file), root.resolve(sha256), StandardCopyOption.ATOMIC_MOVE);
    } catch (DirectoryNotEmptyException | FileAlreadyExistsException e) {
      discard(parent(file));
    } catch (FileSystemException e) {
      if (!Files.isDirectory(root.resolve(sha256))) {
        throw e;
      }
      discard(parent(file));
    }
    return dialogues;
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
