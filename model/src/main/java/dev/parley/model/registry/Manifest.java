package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * What parley.json says about a version.
 *
 * @param createTime when it was registered
 * @param lineage where it comes from
 * @param fileSha256 SHA-256, in hexadecimal, of every other file of the version by name
 */
public record Manifest(Instant createTime, Lineage lineage, Map<String, String> fileSha256) {
  /** The file that holds it. */
  public static final String FILE = "parley.json";

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  /** Copies the map. */
  public Manifest {
    Objects.requireNonNull(createTime, "create_time");
    Objects.requireNonNull(lineage, "lineage");
    fileSha256 = Collections.unmodifiableMap(new TreeMap<>(fileSha256));
  }

  /**
   * The digest of the weights.
   *
   * @return that of model.safetensors, empty if the version has no such file
   */
  public String weightsSha256() {
    return fileSha256.getOrDefault("model.safetensors", "");
  }

  void write(Path directory) throws IOException {
    Files.writeString(directory.resolve(FILE), JSON.writeValueAsString(this) + "\n");
  }

  static Manifest read(Path directory) throws IOException {
    Path file = directory.resolve(FILE);
    try {
      @Nullable Manifest manifest = JSON.readValue(Files.readString(file), Manifest.class);
      if (manifest != null) {
        return manifest;
      }
      throw damaged(file, "it is empty", null);
    } catch (JacksonException e) {
      throw damaged(file, e.getOriginalMessage(), e);
    }
  }

  private static DamagedVersionException damaged(
      Path file, String reason, @Nullable Throwable cause) {
    return new DamagedVersionException(
        "%s is damaged: %s; restore the file or delete the version".formatted(file, reason), cause);
  }
}
