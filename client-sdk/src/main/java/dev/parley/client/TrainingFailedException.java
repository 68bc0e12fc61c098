package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** A training job ended without a version; the message says why. */
public final class TrainingFailedException extends ParleyException {
  TrainingFailedException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
