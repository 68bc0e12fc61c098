package dev.parley.server.ops;

import dev.parley.server.engine.EngineObserver;
import dev.parley.server.models.ModelObserver;
import dev.parley.v1.ServedModel;
import java.util.HashMap;
import java.util.Map;

/** Counts what deployments and their engines do. */
final class ModelMetrics implements ModelObserver {
  private final Metrics metrics;
  private final Map<ServedModel, Loads> loaded = new HashMap<>(); // guarded by this

  /**
   * A version's loads: one that replaces an engine that stopped comes before the other is unloaded.
   */
  private record Loads(EngineMetrics engine, int count) {}

  ModelMetrics(Metrics metrics) {
    this.metrics = metrics;
  }

  @Override
  public synchronized EngineObserver loading(ServedModel version) {
    Loads before = loaded.get(version);
    Loads loads =
        before == null
            ? new Loads(new EngineMetrics(metrics, version), 1)
            : new Loads(before.engine(), before.count() + 1);
    loaded.put(version, loads);
    return loads.engine();
  }

  @Override
  public synchronized void unloaded(ServedModel version) {
    Loads loads = loaded.remove(version);
    if (loads != null && loads.count() > 1) {
      loaded.put(version, new Loads(loads.engine(), loads.count() - 1));
    } else if (loads != null) {
      loads.engine().close();
    }
  }

  @Override
  public void engineRestarts(String model, int version) {
    metrics.engineRestarts.labelValues(model).inc();
  }

  @Override
  public void canaryMissed(String model) {
    metrics.canaryMisses.labelValues(model).inc();
  }

  @Override
  public void loadFailed(String model, int version) {
    metrics.modelLoadFailures.labelValues(model).inc();
  }
}
