package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/** Copies a version out of the registry: all of it or nothing. */
final class Export {
  private Export() {}

  static void run(RegisteredVersion version, Path target) throws IOException {
    Path directory = target.toAbsolutePath().normalize();
    requireNewOrEmpty(version, directory);
    Path parent = directory.resolveSibling(".").normalize();
    DurableFiles.createDirectories(parent);
    Path aside = parent.resolve(".%s-%s".formatted(directory.getFileName(), UUID.randomUUID()));
    try {
      Files.createDirectory(aside);
      for (Path file : DurableFiles.list(version.directory())) {
        Path copy = aside.resolve(file.getFileName());
        Files.copy(file, copy);
        DurableFiles.sync(copy);
      }
      DurableFiles.sync(aside);
      Files.deleteIfExists(directory);
      DurableFiles.rename(aside, directory);
    } catch (IOException | RuntimeException e) {
      DurableFiles.deleteTree(aside);
      throw e;
    }
  }

  private static void requireNewOrEmpty(RegisteredVersion version, Path directory)
      throws IOException {
    if (Files.exists(directory)
        && !(Files.isDirectory(directory) && DurableFiles.list(directory).isEmpty())) {
      throw new RegistryException(
          "cannot export %s: %s is there and not empty; name a new directory"
              .formatted(version.reference(), directory));
    }
  }
}
