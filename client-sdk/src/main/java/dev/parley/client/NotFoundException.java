package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** The thing that the request names does not exist (NOT_FOUND). */
public class NotFoundException extends ParleyException {
  NotFoundException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
