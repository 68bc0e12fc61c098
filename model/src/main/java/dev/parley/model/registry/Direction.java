package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** In which order a model reads the turns of a dialogue. */
public enum Direction {
  /** From the first to the last: it answers. */
  FORWARD,
  /** From the last to the first: it guesses what was said before, which ranks answers. */
  BACKWARD;

  /**
   * The direction of the model in a directory, as its lineage says; forward where it has none.
   *
   * @throws RegistryException if the file that holds the lineage is damaged
   */
  public static Direction of(Path directory) {
    if (!Files.exists(directory.resolve(Manifest.FILE))) {
      return FORWARD;
    }
    try {
      return Manifest.read(directory).lineage().direction();
    } catch (IOException e) {
      throw RegistryException.of("read the lineage in " + directory, directory, e);
    }
  }
}
