package dev.parley.server.models;

import dev.parley.model.registry.ModelReference;
import java.util.Optional;

/** Names what leads conversations to a version: an alias of a model, or its canary. */
record AliasKey(String model, String alias) {
  /** No alias can have this name. */
  private static final String CANARY = "the canary";

  static AliasKey canary(String model) {
    return new AliasKey(model, CANARY);
  }

  boolean isCanary() {
    return alias.equals(CANARY);
  }

  /** Whether it is what a bare name means, beside which there may be a canary. */
  boolean isDefault() {
    return alias.equals(ModelReference.DEFAULT);
  }

  /** The alias that a reference goes through; none where it names a version. */
  static Optional<AliasKey> of(ModelReference reference) {
    return reference.version().isPresent()
        ? Optional.empty()
        : Optional.of(
            new AliasKey(reference.name(), reference.alias().orElse(ModelReference.DEFAULT)));
  }

  ModelReference reference() {
    return ModelReference.parse(model + "@" + alias);
  }

  @Override
  public String toString() {
    return isCanary() ? alias + " of " + model : model + "@" + alias;
  }
}
