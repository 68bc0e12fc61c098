package dev.parley.model.registry;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The registry could not do what it was asked. The message names the path and the remedy. */
public class RegistryException extends RuntimeException {
  /** A failure without another one behind it. */
  public RegistryException(String message) {
    this(message, null);
  }

  /** A failure that another one caused. */
  public RegistryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /**
   * A failure of the file system.
   *
   * @param attempt what was tried, as in "cannot %s"
   */
  static RegistryException of(String attempt, Path path, IOException cause) {
    String reason = reason(cause);
    Path where =
        cause instanceof FileSystemException e && e.getFile() != null ? Path.of(e.getFile()) : path;
    return new RegistryException(
        "cannot %s: %s: %s; %s".formatted(attempt, where, reason, remedy(cause, reason)), cause);
  }

  private static String reason(IOException cause) {
    if (cause instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (cause instanceof FileAlreadyExistsException) {
      return "something else is there";
    }
    if (cause instanceof FileSystemException e && e.getReason() != null) {
      return e.getReason();
    }
    String name = cause.getClass().getSimpleName();
    return cause.getMessage() == null ? name : name + ": " + cause.getMessage();
  }

  private static String remedy(IOException cause, String reason) {
    if (reason.contains("No space left") || reason.contains("quota")) {
      return "free space there, or choose another home";
    }
    if (cause instanceof FileAlreadyExistsException || reason.contains("Not a directory")) {
      return "move away the file that stands where a directory belongs, or choose another home";
    }
    return "the user that runs Parley must be able to read and write there, or choose another home";
  }
}
