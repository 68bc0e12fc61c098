package dev.parley.cli;

import dev.parley.client.ParleyClient;
import dev.parley.client.UnavailableException;
import java.time.Duration;
import java.util.function.Function;

/** How commands reach the server that {@code --server} names. */
final class Connection {
  /** Long enough for a far server, short enough for someone who forgot to start one. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private Connection() {}

  /**
   * What is made of a server that answers.
   *
   * @param server {@code host:port}
   * @throws IllegalStateException if nothing answers there
   */
  static <T> T with(String server, Function<ParleyClient, T> use) {
    try (ParleyClient client = open(server)) {
      return use.apply(client);
    }
  }

  /**
   * A client of a server that answers; the caller closes it.
   *
   * @param server {@code host:port}
   * @throws IllegalStateException if nothing answers there
   */
  static ParleyClient open(String server) {
    ParleyClient client = UsageException.unlessValid(() -> ParleyClient.connect(server));
    try {
      client.awaitReady(PATIENCE);
      return client;
    } catch (UnavailableException e) {
      client.close();
      throw new IllegalStateException(
          "no server answers at %s: start one with 'parley serve', or name another with --server"
              .formatted(server),
          e);
    } catch (RuntimeException e) {
      client.close();
      throw e;
    }
  }
}
