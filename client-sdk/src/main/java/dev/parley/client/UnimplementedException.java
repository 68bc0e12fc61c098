package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** The server does not do this, or not yet (UNIMPLEMENTED). */
public final class UnimplementedException extends ParleyException {
  UnimplementedException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
