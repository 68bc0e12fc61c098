package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** The caller is not known or not allowed (UNAUTHENTICATED, PERMISSION_DENIED). */
public final class AccessDeniedException extends ParleyException {
  AccessDeniedException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
