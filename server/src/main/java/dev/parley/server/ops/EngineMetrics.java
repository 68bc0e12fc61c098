package dev.parley.server.ops;

import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.EngineState;
import dev.parley.v1.ServedModel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Counts what the engine of one model version does. How turns go is labelled by version, so that a
 * canary can be compared with the default, and stays for a while when the version is unloaded, see
 * {@link ModelMetrics}; what a step costs is labelled by model alone; what a version holds is
 * labelled by version and vanishes with it.
 */
final class EngineMetrics implements EngineObserver, AutoCloseable {
  private static final double NANOS = 1e9;
  private static final String REFUSED = "refused";

  private final Metrics metrics;
  private final ServedModel served;
  private final String model;
  private final String version;
  private final Set<String> reasons = ConcurrentHashMap.newKeySet(); // that turns ended for

  EngineMetrics(Metrics metrics, ServedModel served) {
    this.metrics = metrics;
    this.served = served;
    this.model = served.getName();
    this.version = Integer.toString(served.getVersion());
    open();
  }

  /** The version is loaded, for the first time or again. */
  void open() {
    metrics.modelInfo.addLabelValues(model, version, served.getPrecision(), served.getDevice());
  }

  @Override
  public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
    metrics.step.labelValues(model).observe(nanos / NANOS);
    metrics.stepRows.labelValues(model).observe(rows);
  }

  @Override
  public void turnStarted(long queuedNanos) {
    metrics.queue.labelValues(model).observe(queuedNanos / NANOS);
  }

  @Override
  public void firstToken(long nanos) {
    metrics.timeToFirstToken.labelValues(model, version).observe(nanos / NANOS);
  }

  @Override
  public void nextToken(long nanos) {
    metrics.interToken.labelValues(model, version).observe(nanos / NANOS);
  }

  @Override
  public void guessed(int accepted, int rejected) {
    metrics.speculation.labelValues(model, "accepted").inc(accepted);
    metrics.speculation.labelValues(model, "rejected").inc(rejected);
  }

  @Override
  public void turnEnded(
      String reason, long nanos, int promptTokens, int cachedTokens, int generatedTokens) {
    metrics.turn.labelValues(model, version).observe(nanos / NANOS);
    metrics.turns.labelValues(model, version, reason).inc();
    reasons.add(reason);
    metrics.tokens.labelValues(model, "prompt").inc(promptTokens);
    metrics.tokens.labelValues(model, "cached").inc(cachedTokens);
    metrics.tokens.labelValues(model, "generated").inc(generatedTokens);
  }

  @Override
  public void turnRefused() {
    metrics.turns.labelValues(model, version, REFUSED).inc();
    reasons.add(REFUSED);
  }

  @Override
  public void evicted(EvictionReason reason, int tokens) {
    metrics.keyValueEvictions.labelValues(model).inc();
  }

  @Override
  public void shared(int tokens) {
    metrics.keyValueShared.labelValues(model).inc(tokens);
  }

  @Override
  public void state(EngineState state) {
    metrics.keyValueTokens.labelValues(model, version, "active").set(state.activeKvTokens());
    metrics.keyValueTokens.labelValues(model, version, "cached").set(state.cachedKvTokens());
    metrics.keyValueCapacity.labelValues(model, version).set(state.kvCapacityTokens());
    metrics.streams.labelValues(model, version).set(state.conversations());
    metrics.streamsParked.labelValues(model, version).set(state.parkedTurns());
  }

  /** The version is unloaded; its engine must have stopped. */
  @Override
  public void close() {
    metrics.modelInfo.remove(model, version, served.getPrecision(), served.getDevice());
    metrics.keyValueTokens.remove(model, version, "active");
    metrics.keyValueTokens.remove(model, version, "cached");
    metrics.keyValueCapacity.remove(model, version);
    metrics.streams.remove(model, version);
    metrics.streamsParked.remove(model, version);
  }

  /** Nobody compares the version with others any more; what its turns were counted by vanishes. */
  void forget() {
    metrics.timeToFirstToken.remove(model, version);
    metrics.interToken.remove(model, version);
    metrics.turn.remove(model, version);
    reasons.forEach(reason -> metrics.turns.remove(model, version, reason));
  }
}
