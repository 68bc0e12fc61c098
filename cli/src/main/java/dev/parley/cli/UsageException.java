package dev.parley.cli;

/** A command was called in a way that it does not understand: exit code 2. */
final class UsageException extends RuntimeException {
  UsageException(String message) {
    super(message);
  }
}
