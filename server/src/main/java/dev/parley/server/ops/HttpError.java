package dev.parley.server.ops;

/** An answer other than 200. */
final class HttpError extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int status;
  private final String message;

  HttpError(int status, String message) {
    super(message);
    this.status = status;
    this.message = message;
  }

  int status() {
    return status;
  }

  String message() {
    return message;
  }
}
