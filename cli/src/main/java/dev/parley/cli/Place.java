package dev.parley.cli;

import dev.parley.client.ParleyClient;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where a command looks: in a home on this machine, or at a server. */
final class Place {
  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      converter = ServerAddress.class,
      description = "asks that server instead of reading --home")
  private @Nullable String server;

  /** The one or the other, as the options say. */
  <T> T ask(Function<HomeOption, T> here, Function<ParleyClient, T> there) {
    return server == null ? here.apply(home) : Connection.with(server, there);
  }
}
