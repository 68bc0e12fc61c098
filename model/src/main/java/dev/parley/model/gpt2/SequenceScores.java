package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.List;

/**
 * How probable the ends of given sequences are. Many sequences are read together, some positions at
 * a time, so that their logits never take more memory than those of {@value #POSITIONS} positions.
 */
final class SequenceScores {
  /** GPT-2's vocabulary makes 51 MB of logits from these; enough rows to be as fast as it gets. */
  private static final int POSITIONS = 256;

  private final NDManager manager;
  private final TorchProgram program;
  private final IValue parameters;
  private final IValue packed;
  private final List<Gpt2Decoder.Scored> sequences;
  private final List<KeyValueCache> caches = new ArrayList<>();
  private final double[] sums;

  SequenceScores(
      NDManager manager,
      TorchProgram program,
      IValue parameters,
      IValue packed,
      List<Gpt2Decoder.Scored> sequences) {
    this.manager = manager;
    this.program = program;
    this.parameters = parameters;
    this.packed = packed;
    this.sequences = sequences;
    this.sums = new double[sequences.size()];
  }

  /** The sum for each sequence, in nats. */
  double[] sums(Gpt2Decoder decoder) {
    try {
      sequences.forEach(sequence -> caches.add(decoder.newCache()));
      while (someAreLeft()) {
        readSome();
      }
      return sums;
    } finally {
      caches.forEach(KeyValueCache::close);
    }
  }

  /** Tokens that are still to be read: the last one's successor is nobody's business. */
  private int left(int sequence) {
    return sequences.get(sequence).tokens().length - 1 - caches.get(sequence).length();
  }

  private boolean someAreLeft() {
    for (int s = 0; s < sums.length; s++) {
      if (left(s) > 0) {
        return true;
      }
    }
    return false;
  }

  private void readSome() {
    List<Integer> rows = new ArrayList<>();
    List<Long> counts = new ArrayList<>();
    List<Long> ids = new ArrayList<>();
    List<Long> positions = new ArrayList<>();
    List<Long> wanted = new ArrayList<>();
    List<Long> targets = new ArrayList<>();
    List<Integer> owners = new ArrayList<>();
    for (int s = 0; s < sums.length && ids.size() < POSITIONS; s++) {
      Gpt2Decoder.Scored sequence = sequences.get(s);
      int past = caches.get(s).length();
      int count = Math.min(left(s), POSITIONS - ids.size());
      if (count == 0) {
        continue;
      }
      caches.get(s).reserve(count);
      rows.add(s);
      counts.add((long) count);
      for (int i = past; i < past + count; i++) {
        if (i + 1 >= sequence.from()) {
          wanted.add((long) ids.size());
          targets.add((long) sequence.tokens()[i + 1]);
          owners.add(s);
        }
        ids.add((long) sequence.tokens()[i]);
        positions.add((long) i);
      }
    }
    double[] scores = score(rows, counts, ids, positions, wanted, targets);
    for (int i = 0; i < scores.length; i++) {
      sums[owners.get(i)] += scores[i];
    }
    for (int r = 0; r < rows.size(); r++) {
      caches.get(rows.get(r)).advance(counts.get(r).intValue());
    }
  }

  private double[] score(
      List<Integer> rows,
      List<Long> counts,
      List<Long> ids,
      List<Long> positions,
      List<Long> wanted,
      List<Long> targets) {
    List<KeyValueCache> used = rows.stream().map(caches::get).toList();
    long[] pasts = used.stream().mapToLong(KeyValueCache::length).toArray();
    List<NDArray> arrays = used.stream().map(KeyValueCache::array).toList();
    try (NDManager scope = manager.newSubManager();
        IValue idList = TorchProgram.argument(scope.create(longs(ids)));
        IValue positionList = TorchProgram.argument(scope.create(longs(positions)));
        IValue countList = IValue.listFrom(longs(counts));
        IValue pastList = IValue.listFrom(pasts);
        IValue cacheList = TorchProgram.list(arrays);
        IValue wantedList = TorchProgram.argument(scope.create(longs(wanted)));
        IValue targetList = TorchProgram.argument(scope.create(longs(targets)))) {
      return program
          .tensor(
              scope,
              "score",
              parameters,
              packed,
              idList,
              positionList,
              countList,
              pastList,
              cacheList,
              wantedList,
              targetList)
          .toDoubleArray();
    }
  }

  private static long[] longs(List<Long> list) {
    return list.stream().mapToLong(Long::longValue).toArray();
  }
}
