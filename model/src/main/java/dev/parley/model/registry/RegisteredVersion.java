package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A version of a model, immutable on disk.
 *
 * @param model its name
 * @param version from 1
 * @param directory in Hugging Face layout, with parley.json
 * @param manifest what parley.json says
 */
public record RegisteredVersion(String model, int version, Path directory, Manifest manifest) {
  /** {@code name@version}. */
  public String reference() {
    return model + "@" + version;
  }

  /** Bytes of all its files. */
  public long sizeBytes() {
    long size = 0;
    for (String name : manifest.fileSha256().keySet()) {
      Path file = directory.resolve(name);
      try {
        size += Files.size(file);
      } catch (IOException e) {
        throw RegistryException.of("read " + reference(), file, e);
      }
    }
    return size;
  }
}
