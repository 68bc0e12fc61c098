package dev.parley.cli;

import dev.parley.client.ModelClient;
import dev.parley.client.ParleyClient;
import dev.parley.model.registry.Registry;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where models are rolled out: in a home, whose server sees it within a second, or on a server. */
final class ModelPlace {
  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      converter = ServerAddress.class,
      description = "asks that server instead of changing --home")
  private @Nullable String server;

  /** Does it in one of the two. */
  <T> T on(Function<Registry, T> here, Function<ModelClient, T> there) {
    if (server == null) {
      return here.apply(home.registry());
    }
    try (ParleyClient client = Connection.open(server)) {
      return there.apply(client.models());
    }
  }
}
