package dev.parley.model.registry;

/** The registry has no such model, version or alias. The message names the nearest that it has. */
public final class ModelNotFoundException extends RegistryException {
  ModelNotFoundException(String message) {
    super(message);
  }
}
