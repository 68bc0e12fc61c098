package dev.parley.model.checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A checkpoint that cannot be read or written; the message names file, thing, value and limit. */
public class CheckpointException extends RuntimeException {
  /** With everything that a user needs to know. */
  public CheckpointException(String message) {
    super(message);
  }

  /** With what the system said. */
  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }

  /** A file that is damaged, hostile or unsupported. */
  @SuppressWarnings("AnnotateFormatMethod") // would take a dependency for one annotation
  static CheckpointException in(Path file, String problem, Object... arguments) {
    String text = problem.formatted(arguments);
    // Names come from the file: none may steer a terminal.
    return new CheckpointException(file + ": " + text.replaceAll("[\\p{Cntrl}&&[^\n]]", "?"));
  }

  /** A file that the system cannot read or write. */
  static CheckpointException io(String deed, Path file, IOException cause) {
    if (cause instanceof EOFException) {
      return new CheckpointException(file + " is truncated: " + cause.getMessage(), cause);
    }
    String reason =
        cause instanceof NoSuchFileException ? "there is no such file" : String.valueOf(cause);
    return new CheckpointException(
        "cannot %s %s: %s%s".formatted(deed, file, reason, remedy(cause, reason)), cause);
  }

  private static String remedy(IOException cause, String reason) {
    if (reason.contains("No space left") || reason.contains("quota")) {
      return "; free space there, or choose another place";
    }
    boolean refused = cause instanceof AccessDeniedException || reason.contains("Read-only");
    return refused ? "; let the user that runs Parley in there, or choose another place" : "";
  }
}
