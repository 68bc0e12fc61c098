package dev.parley.client;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A model: a name, versions, and aliases for some of them.
 *
 * @param canary empty: the default gets all new conversations
 * @param previousDefaultVersion what {@link ModelClient#rollback(String)} goes back to
 */
public record Model(
    String name,
    int latestVersion,
    int versionCount,
    Map<String, Integer> aliases,
    Optional<Canary> canary,
    OptionalInt previousDefaultVersion) {
  public Model {
    aliases = Map.copyOf(aliases);
  }

  /** The version that new conversations get, but for those of the canary. */
  public OptionalInt defaultVersion() {
    Integer version = aliases.get("default");
    return version == null ? OptionalInt.empty() : OptionalInt.of(version);
  }
}
