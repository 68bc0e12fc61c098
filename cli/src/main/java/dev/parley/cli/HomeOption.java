package dev.parley.cli;

import dev.parley.model.registry.EmbeddedBase;
import dev.parley.model.registry.Registry;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Where registry, jobs and datasets are. */
final class HomeOption {
  @Option(
      names = "--home",
      paramLabel = "DIR",
      defaultValue = "${env:PARLEY_HOME:-./var}",
      description = "directory of registry, jobs and datasets (${DEFAULT-VALUE})")
  private Path home = Path.of("var");

  Path path() {
    return home.toAbsolutePath().normalize();
  }

  /** Its registry, with the embedded base in it. */
  Registry registry() {
    Registry registry = new Registry(path().resolve("registry"));
    EmbeddedBase.ensure(registry);
    return registry;
  }
}
