package dev.parley.trainer.loop;

import java.nio.file.Path;

/** A checkpoint is not as it was written. The message names the directory and the file. */
public final class DamagedCheckpointException extends Exception {
  private static final long serialVersionUID = 1;

  DamagedCheckpointException(Path directory, String problem) {
    super("checkpoint %s is damaged: %s".formatted(directory, problem));
  }
}
