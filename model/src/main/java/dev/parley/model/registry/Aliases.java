package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** A model's aliases.json: alias → version. */
final class Aliases {
  private static final String FILE = "aliases.json";
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private Aliases() {}

  /** The aliases of a model in alphabetical order; none if it has no such file. */
  static Map<String, Integer> read(Path model) throws IOException {
    Path file = model.resolve(FILE);
    try {
      @Nullable Map<String, Integer> aliases =
          JSON.readValue(Files.readString(file), new TypeReference<TreeMap<String, Integer>>() {});
      if (aliases != null) {
        return aliases;
      }
      throw damaged(file, "it is empty", null);
    } catch (NoSuchFileException e) {
      return new TreeMap<>();
    } catch (JacksonException e) {
      throw damaged(file, e.getOriginalMessage(), e);
    }
  }

  private static RegistryException damaged(Path file, String reason, @Nullable Throwable cause) {
    return new RegistryException(
        "%s is damaged: %s; write it anew, as in {\"default\": 1}".formatted(file, reason), cause);
  }

  /** Replaces them in one step. Under the registry's lock. */
  static void write(Path model, Map<String, Integer> aliases) throws IOException {
    DurableFiles.replace(
        model.resolve(FILE), JSON.writeValueAsString(new TreeMap<>(aliases)) + "\n");
  }
}
