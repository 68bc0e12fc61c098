package dev.parley.model.registry;

import org.jspecify.annotations.Nullable;

/** The files of a version are not those that were registered. The message names the file. */
public final class DamagedVersionException extends RegistryException {
  DamagedVersionException(String message) {
    this(message, null);
  }

  DamagedVersionException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
