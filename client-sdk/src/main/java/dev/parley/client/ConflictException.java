package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** The state of the thing forbids it (FAILED_PRECONDITION, ALREADY_EXISTS, ABORTED). */
public final class ConflictException extends ParleyException {
  ConflictException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
