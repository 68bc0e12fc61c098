package dev.parley.client;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The server has no room at present (RESOURCE_EXHAUSTED). */
public final class OverloadedException extends ParleyException {
  OverloadedException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }

  /** When the server expects to have room, from now; empty where it did not say. */
  public Optional<Duration> retryAfter() {
    return details().retryAfter();
  }

  /** True where the server said when to come back. */
  @Override
  public boolean retryable() {
    return details().retryAfter().isPresent();
  }
}
