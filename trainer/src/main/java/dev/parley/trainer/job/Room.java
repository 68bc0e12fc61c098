package dev.parley.trainer.job;

import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How much disk a job will take, asked before its first step.
 *
 * @param free bytes that may be written where the home is
 * @param version bytes of the version that it will register
 * @param checkpoints bytes that its checkpoints take at most, the one that is being written
 *     included
 */
record Room(Path home, long free, long version, long checkpoints) {
  /** Configuration, tokenizer and what else is no weight. */
  private static final long SMALL_FILES = 8L << 20;

  static Room of(Path home, long parameters, CheckpointPolicy policy) {
    long weights = parameters * Float.BYTES;
    boolean any = policy.steps() > 0 || !policy.interval().isZero();
    long checkpoint = 3 * weights + SMALL_FILES; // with two moments
    try {
      return new Room(
          home,
          Files.getFileStore(home).getUsableSpace(),
          weights + SMALL_FILES,
          any ? (policy.keep() + 1) * checkpoint + weights + SMALL_FILES : 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A warning if the version fits, but its checkpoints may not.
   *
   * @throws NoRoomException if not even the version fits
   */
  Optional<TrainingUpdate.Builder> check() {
    if (free < version) {
      throw new NoRoomException(
          "%s has %s free, but the new version will take %s; free space there, or choose another home"
              .formatted(home, megabytes(free), megabytes(version)));
    }
    if (free - version < checkpoints) {
      return Optional.of(
          Failures.warning(
              "CHECKPOINTS_MAY_NOT_FIT",
              0,
              "%s has %s free; the new version will take %s and the checkpoints up to %s: some may fail; free space there, or keep fewer"
                  .formatted(home, megabytes(free), megabytes(version), megabytes(checkpoints))));
    }
    return Optional.empty();
  }

  private static String megabytes(long bytes) {
    return "%,d MiB".formatted(bytes >> 20);
  }

  /** The disk has no room for what the job will make. */
  static final class NoRoomException extends RuntimeException {
    private static final long serialVersionUID = 1;

    NoRoomException(String message) {
      super(message);
    }
  }
}
