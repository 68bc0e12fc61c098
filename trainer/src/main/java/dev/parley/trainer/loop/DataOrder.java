package dev.parley.trainer.loop;

import dev.parley.trainer.data.Batches;
import dev.parley.trainer.data.Sequence;
import java.util.List;

/**
 * Which batches each optimiser step learns from, as a function of seed and step alone: a training
 * that goes on from a step sees what it would have seen without the break. A step never reaches
 * over the end of an epoch; the last one of an epoch may have fewer batches.
 */
final class DataOrder {
  private final List<Sequence> sequences;
  private final int batchSize;
  private final int accumulation;
  private final long seed;
  private final int stepsPerEpoch;
  private int epoch = -1;
  private List<List<Sequence>> batches = List.of();

  DataOrder(List<Sequence> sequences, int batchSize, int accumulation, long seed) {
    this.sequences = sequences;
    this.batchSize = batchSize;
    this.accumulation = accumulation;
    this.seed = seed;
    int batchCount = (sequences.size() + batchSize - 1) / batchSize;
    this.stepsPerEpoch = (batchCount + accumulation - 1) / accumulation;
  }

  int stepsPerEpoch() {
    return stepsPerEpoch;
  }

  /** The batches of a step, counted from 1. */
  List<List<Sequence>> batches(int step) {
    int wanted = (step - 1) / stepsPerEpoch;
    if (wanted != epoch) {
      batches = Batches.ofEpoch(sequences, batchSize, seed, wanted);
      epoch = wanted;
    }
    int first = (step - 1) % stepsPerEpoch * accumulation;
    return batches.subList(first, Math.min(first + accumulation, batches.size()));
  }

  double paddingShare() {
    return Batches.paddingShare(Batches.ofEpoch(sequences, batchSize, seed, 0));
  }
}
