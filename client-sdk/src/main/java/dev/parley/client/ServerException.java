package dev.parley.client;

import org.jspecify.annotations.Nullable;

/** The server failed (INTERNAL, UNKNOWN, DATA_LOSS), or broke the contract. */
public final class ServerException extends ParleyException {
  ServerException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }
}
