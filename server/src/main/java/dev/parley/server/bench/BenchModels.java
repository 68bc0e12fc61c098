package dev.parley.server.bench;

import ai.djl.Device;
import dev.parley.model.gpt2.Precision;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
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

  /**
   * None is made yet.
   *
   * @param cachedTokens at once, over all conversations
   */
  BenchModels(
      BenchWeights weights, Collection<Precision> precisions, long cachedTokens, Device device) {
    this.weights = weights;
    this.device = device;
    this.together =
        !device.isGpu() && MemoryNeed.together(weights.config(), precisions, cachedTokens);
  }

  /** A model, to be used until the next call; not to be closed. */
  BenchModel of(Precision precision) {
    BenchModel model = made.get(precision);
    if (model == null) {
      makeRoom();
      model = BenchModel.of(weights, precision, device);
      made.put(precision, model);
    }
    return model;
  }

  /** Closes a model that has to go before the next is made anyway. */
  void makeRoom() {
    if (!together) {
      close();
    }
  }

  @Override
  public void close() {
    List<BenchModel> all = List.copyOf(made.values());
    made.clear();
    all.forEach(BenchModel::close);
  }
}
