package dev.parley.model.registry;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Finds the directory of a model that is named by a registry reference or a path. What has a slash
 * or begins with a dot is a path; all else is looked up in the registry first.
 */
final class ModelLocation {
  private ModelLocation() {}

  static Path find(Registry registry, String reference) {
    Optional<Path> directory = directory(reference);
    boolean path = reference.matches("(\\.|~|.*[/\\\\]).*");
    if (path) {
      return directory.map(ModelLocation::requireModel).orElseThrow(() -> notFound(reference));
    }
    try {
      return registry.resolve(reference).directory();
    } catch (ModelNotFoundException | IllegalArgumentException e) {
      return directory.filter(ModelLocation::isModel).orElseThrow(() -> e);
    }
  }

  private static Optional<Path> directory(String reference) {
    try {
      return Optional.of(Path.of(reference)).filter(Files::isDirectory);
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  private static boolean isModel(Path directory) {
    return Files.isRegularFile(directory.resolve("config.json"));
  }

  private static Path requireModel(Path directory) {
    if (!isModel(directory)) {
      throw new RegistryException(
          "%s is no model: it has no config.json; name a directory in Hugging Face layout"
              .formatted(directory));
    }
    return directory;
  }

  private static RegistryException notFound(String reference) {
    return new RegistryException(
        "directory %s does not exist: name a directory in Hugging Face layout, or a model of the registry"
            .formatted(reference));
  }
}
