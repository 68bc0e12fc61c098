package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** The server cannot be reached, or is stopping (UNAVAILABLE). */
public final class UnavailableException extends ParleyException {
  UnavailableException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
