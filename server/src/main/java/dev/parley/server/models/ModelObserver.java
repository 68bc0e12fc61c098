package dev.parley.server.models;

import dev.parley.server.engine.EngineObserver;
import dev.parley.v1.ServedModel;

/** Hears what happens to deployments. Thread-safe. */
public interface ModelObserver {
  /**
   * A version is about to serve; what is returned hears its engine. Each call is followed by one of
   * {@link #unloaded}, which may come after the next load of the same version.
   */
  EngineObserver loading(ServedModel version);

  /** It is unloaded, or could not be loaded in the end. */
  void unloaded(ServedModel version);

  /** A version could not be loaded. */
  void loadFailed(String model, int version);

  /** A version is loaded again because its engine stopped after a failure. */
  default void engineRestarts(String model, int version) {}

  /** A conversation was drawn for a model's canary, which did not serve: it got the default. */
  default void canaryMissed(String model) {}
}
