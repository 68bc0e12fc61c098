package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** The model, version or alias that the request names does not exist. */
public final class ModelNotFoundException extends NotFoundException {
  ModelNotFoundException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
