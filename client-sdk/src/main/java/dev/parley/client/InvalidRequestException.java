package dev.parley.client;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The request breaks the contract (INVALID_ARGUMENT, OUT_OF_RANGE): sending it again is of no use.
 */
public final class InvalidRequestException extends ParleyException {
  InvalidRequestException(ErrorDetails details, @Nullable Throwable cause) {
    super(details, cause);
  }

  /** Every field that is wrong; empty where the server named none. */
  public List<FieldViolation> fieldViolations() {
    return details().violations();
  }
}
