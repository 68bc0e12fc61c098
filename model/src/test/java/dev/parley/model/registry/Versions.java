package dev.parley.model.registry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Small versions to test with: a config.json, and weights that are a line of text. */
final class Versions {
  static final Lineage LINEAGE =
      new Lineage(
          "trained",
          "parley-tiny@1",
          "aa",
          "bb",
          "job-1",
          Map.of("epochs", "3"),
          -7,
          Map.of("loss_after", 1.5),
          "0.1",
          "c0ffee");

  private Versions() {}

  static RegisteredVersion publish(Registry registry, String model) {
    return publish(registry, model, "weights");
  }

  static RegisteredVersion publish(Registry registry, String model, String weights) {
    try (StagedVersion staged = registry.stage(model)) {
      fill(staged, weights);
      return staged.publish(LINEAGE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void fill(StagedVersion staged, String weights) throws IOException {
    Files.writeString(staged.directory().resolve("config.json"), "{}");
    Files.writeString(staged.directory().resolve("model.safetensors"), weights);
  }

  /** Everything below a directory, as paths relative to it. */
  static List<String> tree(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      return paths
          .filter(path -> !path.equals(directory))
          .map(path -> directory.relativize(path).toString().replace('\\', '/'))
          .sorted()
          .toList();
    }
  }
}
