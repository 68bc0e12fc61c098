package dev.parley.trainer.data;

import dev.parley.model.gpt2.TrainableGpt2;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Sequences in batches of similar length, so that little of a batch is padding. The order is a
 * function of seed and epoch alone: shuffle, sort by length within buckets of {@value
 * #BUCKET_BATCHES} batches, cut, shuffle the batches.
 */
public final class Batches {
  /** As DialoGPT's own loader has it: enough for little padding, few enough to stay random. */
  private static final int BUCKET_BATCHES = 100;

  private Batches() {}

  /** The batches of an epoch. Every sequence is in exactly one; the last may be smaller. */
  public static List<List<Sequence>> ofEpoch(
      List<Sequence> sequences, int batchSize, long seed, int epoch) {
    SplittableRandom random = new SplittableRandom(Shuffle.mix(seed, 0xba7c, epoch));
    List<Sequence> order = new ArrayList<>(sequences);
    Shuffle.shuffle(order, random);
    List<List<Sequence>> batches = new ArrayList<>();
    int bucket = BUCKET_BATCHES * batchSize;
    for (int start = 0; start < order.size(); start += bucket) {
      batches.addAll(
          byLength(order.subList(start, Math.min(start + bucket, order.size())), batchSize));
    }
    Shuffle.shuffle(batches, random);
    return batches;
  }

  /** Batches of sequences of any length, for comparison. */
  static List<List<Sequence>> shuffled(List<Sequence> sequences, int batchSize, long seed) {
    List<Sequence> order = new ArrayList<>(sequences);
    Shuffle.shuffle(order, new SplittableRandom(seed));
    return cut(order, batchSize);
  }

  /** Batches in the order of length, longest first, for evaluation. */
  public static List<List<Sequence>> byLength(List<Sequence> sequences, int batchSize) {
    List<Sequence> order = new ArrayList<>(sequences);
    order.sort(Comparator.comparingInt((Sequence sequence) -> -sequence.ids().length));
    return cut(order, batchSize);
  }

  private static List<List<Sequence>> cut(List<Sequence> order, int batchSize) {
    List<List<Sequence>> batches = new ArrayList<>();
    for (int start = 0; start < order.size(); start += batchSize) {
      batches.add(List.copyOf(order.subList(start, Math.min(start + batchSize, order.size()))));
    }
    return batches;
  }

  /** Positions of the batches that are padding, of all. */
  public static double paddingShare(List<List<Sequence>> batches) {
    long all = 0;
    long used = 0;
    for (List<Sequence> batch : batches) {
      all += (long) longest(batch) * batch.size();
      used += tokens(batch);
    }
    return all == 0 ? 0 : 1 - (double) used / all;
  }

  /** Tokens of a batch, padding left out. */
  public static long tokens(List<Sequence> batch) {
    return batch.stream().mapToLong(sequence -> sequence.ids().length).sum();
  }

  /**
   * A batch as the model takes it. Shorter sequences are padded on the right with token 0; what is
   * learned is told by position, so that no token id ever stands for padding.
   */
  public static TrainableGpt2.Batch tensor(List<Sequence> batch) {
    int time = longest(batch);
    int[][] ids = new int[batch.size()][time];
    int targets = batch.stream().mapToInt(Sequence::targets).sum();
    int[] learned = new int[targets];
    int[] labels = new int[targets];
    int at = 0;
    for (int row = 0; row < ids.length; row++) {
      Sequence sequence = batch.get(row);
      System.arraycopy(sequence.ids(), 0, ids[row], 0, sequence.ids().length);
      for (int column = 0; column < sequence.labels().length; column++) {
        if (sequence.labels()[column] != Sequence.IGNORED) {
          learned[at] = row * time + column;
          labels[at] = sequence.labels()[column];
          at++;
        }
      }
    }
    return new TrainableGpt2.Batch(ids, learned, labels);
  }

  private static int longest(List<Sequence> batch) {
    return batch.stream().mapToInt(sequence -> sequence.ids().length).max().orElse(0);
  }
}
