package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** Cancelled by the caller, by closing what it belongs to, or by a thread interrupt (CANCELLED). */
public final class CancelledException extends ParleyException {
  CancelledException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
