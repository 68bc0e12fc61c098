package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** A training job was cancelled; no version was registered. */
public final class TrainingCancelledException extends ParleyException {
  TrainingCancelledException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
