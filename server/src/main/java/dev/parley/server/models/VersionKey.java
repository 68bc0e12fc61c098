package dev.parley.server.models;

import dev.parley.model.registry.RegisteredVersion;

/** Names a version. */
record VersionKey(String model, int version) {
  static VersionKey of(RegisteredVersion version) {
    return new VersionKey(version.model(), version.version());
  }

  @Override
  public String toString() {
    return model + "@" + version;
  }
}
