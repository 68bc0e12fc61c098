package dev.parley.server.models;

import dev.parley.model.registry.ModelReference;
import java.util.Optional;

/** Names an alias of a model. */
record AliasKey(String model, String alias) {
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
    return model + "@" + alias;
  }
}
