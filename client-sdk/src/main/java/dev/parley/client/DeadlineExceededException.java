package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** It took longer than the caller or the server would wait (DEADLINE_EXCEEDED). */
public final class DeadlineExceededException extends ParleyException {
  DeadlineExceededException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
