package dev.parley.model.registry;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Finds the directory of a model that is named by a registry reference, a path, or a hub id. What
 * has a slash or begins with a dot is a path if such a directory exists; all else is looked up in
 * the registry first.
 */
final class ModelLocation {
  private static final Pattern HUB_ID =
      Pattern.compile("[A-Za-z0-9][\\w.-]*/[A-Za-z0-9][\\w.-]*(@[\\w./-]+)?");

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
    if (HUB_ID.matcher(reference).matches()) {
      return new RegistryException(
          ("'%s' looks like the id of a model on a hub, which Parley cannot download yet: download"
                  + " it, and name its directory")
              .formatted(reference));
    }
    return new RegistryException(
        "directory %s does not exist: name a directory in Hugging Face layout, or a model of the registry"
            .formatted(reference));
  }
}
