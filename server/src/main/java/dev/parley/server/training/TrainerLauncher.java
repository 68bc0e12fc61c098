package dev.parley.server.training;

/** Starts the process that runs a job. */
@FunctionalInterface
public interface TrainerLauncher {
  /**
   * Starts it.
   *
   * @throws java.io.UncheckedIOException if no process could be started
   */
  Process launch(String jobId);
}
