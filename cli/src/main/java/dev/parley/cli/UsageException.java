package dev.parley.cli;

import java.util.function.Supplier;

/** A command was called in a way that it does not understand: exit code 2. */
final class UsageException extends RuntimeException {
  UsageException(String message) {
    super(message);
  }

  /** What is made of a command's options; what they cannot be is wrong usage. */
  static <T> T unlessValid(Supplier<T> options) {
    try {
      return options.get();
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }
}
