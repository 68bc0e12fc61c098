package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A version in the making: a directory that nobody sees. Fill it, then publish; closing it
 * unpublished discards it, and so does the next staging after this process died. For one thread.
 */
public final class StagedVersion implements AutoCloseable {
  private static final Logger LOGGER = LoggerFactory.getLogger(StagedVersion.class);

  private final Registry registry;
  private final String model;
  private final StagingArea.Slot slot;
  private boolean closed;

  StagedVersion(Registry registry, String model, StagingArea.Slot slot) {
    this.registry = registry;
    this.model = model;
    this.slot = slot;
  }

  /** Where to write config.json, the weights, the tokenizer's files; no directories inside. */
  public Path directory() {
    return slot.version();
  }

  /**
   * Makes the version visible, complete and on disk, by one rename. It gets a number that the model
   * never had. The alias {@code default} comes to name it if the model has none.
   *
   * @throws RegistryException if it lacks config.json, holds something that is no file, or cannot
   *     be written; it is then not visible
   */
  public RegisteredVersion publish(Lineage lineage) {
    return publish(lineage, OptionalInt.empty());
  }

  /** As {@link #publish(Lineage)}, with a fixed number; gives the version that has it, if any. */
  RegisteredVersion publish(Lineage lineage, OptionalInt version) {
    if (closed) {
      throw new IllegalStateException("the staged version of '%s' is closed".formatted(model));
    }
    RegisteredVersion published;
    try {
      Manifest manifest = seal(lineage);
      published = registry.admit(model, version, slot.version(), manifest);
    } catch (IOException e) {
      throw RegistryException.of("publish a version of '%s'".formatted(model), directory(), e);
    }
    close();
    return published;
  }

  /** Digests every file, writes parley.json, and waits until all is on the disk. */
  private Manifest seal(Lineage lineage) throws IOException {
    Path directory = directory();
    Files.deleteIfExists(directory.resolve(Manifest.FILE));
    Map<String, String> fileSha256 = new HashMap<>();
    for (Path file : DurableFiles.list(directory)) {
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        throw new RegistryException(
            "%s is no file: a version of '%s' holds files only".formatted(file, model));
      }
      DurableFiles.sync(file);
      fileSha256.put(file.getFileName().toString(), DurableFiles.sha256(file));
    }
    if (!fileSha256.containsKey("config.json")) {
      throw new RegistryException(
          "the version of '%s' in %s lacks config.json: write the model there before publishing"
              .formatted(model, directory));
    }
    Manifest manifest =
        new Manifest(Instant.now().truncatedTo(ChronoUnit.MILLIS), lineage, fileSha256);
    manifest.write(directory);
    DurableFiles.sync(directory.resolve(Manifest.FILE));
    DurableFiles.sync(directory);
    return manifest;
  }

  /** Discards what is not published. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      slot.close();
    } catch (IOException e) {
      LOGGER.warn("cannot delete {}: {}", slot.version().getParent(), e.toString());
    }
  }
}
