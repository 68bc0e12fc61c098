package dev.parley.server.ops;

import dev.parley.server.engine.EngineObserver;
import dev.parley.server.models.ModelObserver;
import dev.parley.v1.ServedModel;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** Counts what deployments and their engines do. */
final class ModelMetrics implements ModelObserver {
  /**
   * Versions of all models whose turns stay counted after they were unloaded: long enough for every
   * scrape, and for what a rollout compares. A server that is trained on and on unloads thousands.
   */
  static final int REMEMBERED = 8;

  private final Metrics metrics;
  private final Map<ServedModel, Loads> loaded = new HashMap<>(); // guarded by this

  /**
   * A version's loads: one that replaces an engine that stopped comes before the other is unloaded.
   */
  private record Loads(EngineMetrics engine, int count) {}

  /** The latest to be unloaded comes last. */
  private final Map<ServedModel, EngineMetrics> unloaded = new LinkedHashMap<>(); // guarded by this

  ModelMetrics(Metrics metrics) {
    this.metrics = metrics;
  }

  @Override
  public synchronized EngineObserver loading(ServedModel version) {
    Loads before = loaded.get(version);
    Loads loads =
        before == null
            ? new Loads(again(version), 1)
            : new Loads(before.engine(), before.count() + 1);
    loaded.put(version, loads);
    return loads.engine();
  }

  private EngineMetrics again(ServedModel version) {
    EngineMetrics before = unloaded.remove(version);
    if (before == null) {
      return new EngineMetrics(metrics, version);
    }
    before.open();
    return before;
  }

  @Override
  public synchronized void unloaded(ServedModel version) {
    Loads loads = loaded.remove(version);
    if (loads != null && loads.count() > 1) {
      loaded.put(version, new Loads(loads.engine(), loads.count() - 1));
    } else if (loads != null) {
      loads.engine().close();
      unloaded.put(version, loads.engine());
      if (unloaded.size() > REMEMBERED) {
        Iterator<EngineMetrics> eldest = unloaded.values().iterator();
        eldest.next().forget();
        eldest.remove();
      }
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
