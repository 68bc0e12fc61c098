package dev.parley.server.ops;

import dev.parley.server.engine.EngineObserver;
import dev.parley.server.models.ModelObserver;
import dev.parley.v1.ServedModel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Counts what deployments and their engines do. */
final class ModelMetrics implements ModelObserver {
  private final Metrics metrics;
  private final Map<ServedModel, EngineMetrics> loaded = new ConcurrentHashMap<>();

  ModelMetrics(Metrics metrics) {
    this.metrics = metrics;
  }

  @Override
  public EngineObserver loading(ServedModel version) {
    return loaded.computeIfAbsent(version, served -> new EngineMetrics(metrics, served));
  }

  @Override
  public void unloaded(ServedModel version) {
    EngineMetrics engine = loaded.remove(version);
    if (engine != null) {
      engine.close();
    }
  }

  @Override
  public void loadFailed(String model, int version) {
    metrics.modelLoadFailures.labelValues(model).inc();
  }
}
