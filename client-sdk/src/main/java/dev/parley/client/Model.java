package dev.parley.client;

import java.util.Map;
import java.util.OptionalInt;

/** A model: a name, versions, and aliases for some of them. */
public record Model(
    String name, int latestVersion, int versionCount, Map<String, Integer> aliases) {
  public Model {
    aliases = Map.copyOf(aliases);
  }

  /** The version that new conversations get. */
  public OptionalInt defaultVersion() {
    Integer version = aliases.get("default");
    return version == null ? OptionalInt.empty() : OptionalInt.of(version);
  }
}
