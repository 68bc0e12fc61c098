package dev.parley.server.bench;

import ai.djl.Device;
import dev.parley.model.gpt2.Precision;
import java.util.Collection;
import java.util.EnumMap;
import java.util.Map;

/**
 * The models of a run. Where there is room, all of them stay in memory: what is compared is then
 * measured within seconds of each other, and a model is made once. Otherwise, and on a GPU, there
 * is one at a time.
 */
final class BenchModels implements AutoCloseable {
  private final BenchWeights weights;
  private final Device device;
  private final boolean together;
  private final Map<Precision, BenchModel> made = new EnumMap<>(Precision.class);

  /** None is made yet. */
  BenchModels(BenchWeights weights, Collection<Precision> precisions, Device device) {
    this.weights = weights;
    this.device = device;
    this.together = !device.isGpu() && MemoryNeed.together(weights.config(), precisions.size());
  }

  /** A model, to be used until the next call; not to be closed. */
  BenchModel of(Precision precision) {
    BenchModel model = made.get(precision);
    if (model == null) {
      if (!together) {
        close();
      }
      model = BenchModel.of(weights, precision, device);
      made.put(precision, model);
    }
    return model;
  }

  @Override
  public void close() {
    made.values().forEach(BenchModel::close);
    made.clear();
  }
}
