package dev.parley.model.registry;

/** A version cannot be deleted: an alias or a canary names it. */
public final class VersionInUseException extends RegistryException {
  VersionInUseException(String message) {
    super(message);
  }
}
