package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What lies in the directories of a registry; what does not belong there is named once a path. */
final class ModelDirectory {
  private static final Logger LOGGER = LoggerFactory.getLogger(ModelDirectory.class);

  /** Holds the highest number that a version had, once that version is deleted. */
  private static final String LAST_VERSION = ".last-version";

  private final Path root;
  private final Set<Path> named = ConcurrentHashMap.newKeySet();

  ModelDirectory(Path root) {
    this.root = root;
  }

  Path of(String model) {
    return root.resolve(model);
  }

  Path of(String model, int version) {
    return of(model).resolve(Integer.toString(version));
  }

  /** The models that have a version, in alphabetical order. */
  List<String> models() throws IOException {
    List<String> models = new ArrayList<>();
    for (Path entry : entries(root)) {
      String name = entry.getFileName().toString();
      if (!Files.isDirectory(entry) || !ModelReference.isName(name)) {
        skip(entry, "it is no directory with a model's name");
      } else if (!versions(name).isEmpty()) {
        models.add(name);
      }
    }
    return models;
  }

  /** The versions of a model, ascending; none if there is no such model. */
  List<Integer> versions(String model) throws IOException {
    List<Integer> versions = new ArrayList<>();
    for (Path entry : entries(of(model))) {
      String name = entry.getFileName().toString();
      if (name.equals("aliases.json") || name.equals(Rollout.FILE)) {
        continue;
      }
      if (ModelReference.isVersion(name) && Files.isRegularFile(entry.resolve(Manifest.FILE))) {
        versions.add(Integer.valueOf(name));
      } else {
        skip(entry, "it is no version with a readable " + Manifest.FILE);
      }
    }
    Collections.sort(versions);
    return versions;
  }

  /** The aliases of a model that name a version that is there. */
  Map<String, Integer> aliases(String model) throws IOException {
    Map<String, Integer> aliases = new TreeMap<>(Aliases.read(of(model)));
    List<Integer> versions = versions(model);
    aliases.values().removeIf(version -> !versions.contains(version));
    return aliases;
  }

  /**
   * The number of the version that a reference means.
   *
   * @throws ModelNotFoundException if there is none; the message names the nearest
   */
  int version(ModelReference reference) throws IOException {
    String model = reference.name();
    List<Integer> versions = versions(model);
    if (versions.isEmpty()) {
      throw new ModelNotFoundException(
          "model '%s' is not in the registry %s%s"
              .formatted(model, root, NearestName.hint(model, models())));
    }
    if (reference.version().isPresent()) {
      int version = reference.version().getAsInt();
      if (!versions.contains(version)) {
        throw new ModelNotFoundException(
            "model '%s' has no version %d; it has %s".formatted(model, version, listed(versions)));
      }
      return version;
    }
    String alias = reference.alias().orElse(ModelReference.DEFAULT);
    if (alias.equals(ModelReference.LATEST)) {
      return versions.get(versions.size() - 1);
    }
    Map<String, Integer> aliases = aliases(model);
    Integer version = aliases.get(alias);
    if (version == null) {
      TreeSet<String> known = new TreeSet<>(aliases.keySet());
      known.add(ModelReference.LATEST);
      throw new ModelNotFoundException(
          "model '%s' has no alias '%s'%s; its versions are %s"
              .formatted(model, alias, NearestName.hint(alias, known), listed(versions)));
    }
    return version;
  }

  /** Such as {@code 1 to 4, 7}. */
  private static String listed(List<Integer> versions) {
    List<String> runs = new ArrayList<>();
    for (int start = 0, end; start < versions.size(); start = end) {
      end = start + 1;
      while (end < versions.size() && versions.get(end) == versions.get(end - 1) + 1) {
        end++;
      }
      String first = versions.get(start).toString();
      runs.add(end == start + 1 ? first : first + " to " + versions.get(end - 1));
    }
    return String.join(", ", runs);
  }

  /** A number that no version of a model ever had, nor anything else in its directory. */
  int nextVersion(String model) throws IOException {
    int last = lastVersion(model);
    for (Path entry : entries(of(model))) {
      String name = entry.getFileName().toString();
      if (ModelReference.isVersion(name)) {
        last = Math.max(last, Integer.parseInt(name));
      }
    }
    return last + 1;
  }

  /** Remembers a number that is about to be deleted, so that it is not given again. */
  void rememberVersion(String model, int version) throws IOException {
    if (version > lastVersion(model)) {
      DurableFiles.replace(of(model).resolve(LAST_VERSION), version + "\n");
    }
  }

  private int lastVersion(String model) throws IOException {
    Path file = of(model).resolve(LAST_VERSION);
    try {
      String content = Files.readString(file).strip();
      if (ModelReference.isVersion(content)) {
        return Integer.parseInt(content);
      }
      throw new RegistryException(
          "%s is damaged: write the highest version that '%s' ever had into it"
              .formatted(file, model));
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  /** What a directory holds but for names with a leading dot; nothing if it cannot be listed. */
  private List<Path> entries(Path directory) throws IOException {
    try {
      return DurableFiles.list(directory).stream()
          .filter(entry -> !entry.getFileName().toString().startsWith("."))
          .toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (AccessDeniedException | NotDirectoryException e) {
      if (directory.equals(root)) {
        throw e;
      }
      skip(directory, "it cannot be listed");
      return List.of();
    }
  }

  private void skip(Path path, String reason) {
    if (named.add(path)) {
      LOGGER.warn("skipping {} in the registry: {}", path, reason);
    }
  }
}
