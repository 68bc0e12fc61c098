package dev.parley.client;

/**
 * Where a job stands. {@link #FINISHED}, {@link #FAILED} and {@link #CANCELLED} are final; in the
 * others it moves on.
 */
public enum TrainingState {
  /** Waits for its turn. */
  CREATED,
  RUNNING,
  /** A version is registered. */
  FINISHED,
  FAILED,
  CANCELLED,
  /** Its trainer is gone before the end; it goes on from its newest checkpoint. */
  INTERRUPTED,
  /** A state that this version of the library does not know. */
  UNKNOWN
}
