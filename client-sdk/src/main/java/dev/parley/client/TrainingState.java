package dev.parley.client;

/** Where a job stands. {@link #CREATED} and {@link #RUNNING} move on; the others are final. */
public enum TrainingState {
  /** Waits for its turn. */
  CREATED,
  RUNNING,
  /** A version is registered. */
  FINISHED,
  FAILED,
  CANCELLED,
  /** A state that this version of the library does not know. */
  UNKNOWN
}
