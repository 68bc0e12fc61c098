package dev.parley.client;

/** Whether the server can answer with a version at once. */
public enum DeploymentState {
  /** On disk only. */
  NOT_LOADED,
  LOADING,
  SERVING,
  /** No new conversations; running ones go on. */
  DRAINING,
  /** It could not be loaded; what served before still serves. */
  FAILED,
  /** Not said, or a state that this version of the library does not know. */
  UNKNOWN
}
