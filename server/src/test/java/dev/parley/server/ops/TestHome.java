package dev.parley.server.ops;

import dev.parley.model.registry.Lineage;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.registry.StagedVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** What tests do to a registry from outside the server, as another process would. */
public final class TestHome {
  private TestHome() {}

  public static Registry registry(Path home) {
    return new Registry(home.resolve("registry"));
  }

  /** Registers the files of one version as the next version of another model. */
  public static RegisteredVersion copy(Path home, String reference, String model)
      throws IOException {
    return copy(home, reference, model, List.of());
  }

  /** As above, with some files cut to half before they are registered. */
  public static RegisteredVersion copy(Path home, String reference, String model, List<String> cut)
      throws IOException {
    Registry registry = registry(home);
    RegisteredVersion from = registry.resolve(reference);
    try (StagedVersion staged = registry.stage(model);
        Stream<Path> files = Files.list(from.directory())) {
      for (Path file : files.filter(f -> !f.endsWith("parley.json")).toList()) {
        Path target = staged.directory().resolve(file.getFileName());
        byte[] bytes = Files.readAllBytes(file);
        int length = cut.contains(file.getFileName().toString()) ? bytes.length / 2 : bytes.length;
        Files.write(target, Arrays.copyOf(bytes, length));
      }
      Lineage lineage = from.manifest().lineage();
      return staged.publish(lineage);
    }
  }
}
