package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.gpt2.Gpt2Decoder.Score;
import dev.parley.model.gpt2.Gpt2Decoder.Scored;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * How probable the labels of given sequences are. Sequences are read one after the other, {@value
 * #POSITIONS} positions at a time: several short ones together, a long one in pieces. So logits
 * never take more memory than those of so many positions, and keys and values no more than the
 * sequences that are being read.
 */
final class SequenceScores {
  /** GPT-2's vocabulary makes 51 MB of logits from these; enough rows to be as fast as it gets. */
  private static final int POSITIONS = 256;

  private final NDManager manager;
  private final TorchProgram program;
  private final IValue parameters;
  private final IValue packed;

  SequenceScores(NDManager manager, TorchProgram program, IValue parameters, IValue packed) {
    this.manager = manager;
    this.program = program;
    this.parameters = parameters;
    this.packed = packed;
  }

  List<Score> of(List<Scored> sequences, Gpt2Decoder decoder) {
    List<Reading> readings = new ArrayList<>();
    try {
      sequences.forEach(scored -> readings.add(new Reading(scored, decoder.newCache())));
      Deque<Reading> unread = new ArrayDeque<>(readings);
      while (!unread.isEmpty()) {
        List<Piece> pieces = pieces(unread);
        if (!pieces.isEmpty()) {
          read(pieces);
        }
        while (!unread.isEmpty() && unread.element().left() == 0) {
          unread.remove().cache.close();
        }
      }
      return readings.stream().map(reading -> new Score(reading.nats, reading.hits)).toList();
    } finally {
      readings.forEach(reading -> reading.cache.close());
    }
  }

  /** What is read next; all but the last piece reach to the end of their sequences. */
  private static List<Piece> pieces(Iterable<Reading> unread) {
    List<Piece> pieces = new ArrayList<>();
    int room = POSITIONS;
    for (Reading reading : unread) {
      int count = Math.min(reading.left(), room);
      if (count > 0) {
        pieces.add(new Piece(reading, reading.cache.length(), count));
        room -= count;
      }
      if (room == 0) {
        break;
      }
    }
    return pieces;
  }

  private void read(List<Piece> pieces) {
    int total = pieces.stream().mapToInt(Piece::count).sum();
    long[] ids = new long[total];
    long[] positions = new long[total];
    List<Long> wanted = new ArrayList<>();
    List<Long> labels = new ArrayList<>();
    List<Reading> owners = new ArrayList<>();
    int at = 0;
    for (Piece piece : pieces) {
      Scored sequence = piece.reading.sequence;
      piece.reading.cache.reserve(piece.count);
      for (int i = piece.past; i < piece.past + piece.count; i++, at++) {
        ids[at] = sequence.tokens()[i];
        positions[at] = i;
        if (sequence.labels()[i] >= 0) {
          wanted.add((long) at);
          labels.add((long) sequence.labels()[i]);
          owners.add(piece.reading);
        }
      }
    }
    double[] scores = score(pieces, ids, positions, longs(wanted), longs(labels));
    int count = owners.size();
    for (int i = 0; i < count; i++) {
      owners.get(i).nats -= scores[i];
      owners.get(i).hits += (int) scores[count + i];
    }
    pieces.forEach(piece -> piece.reading.cache.advance(piece.count));
  }

  /** The program's answer: logarithms of all labels, then 1 or 0 for each. */
  private double[] score(
      List<Piece> pieces, long[] ids, long[] positions, long[] wanted, long[] labels) {
    List<NDArray> caches = pieces.stream().map(piece -> piece.reading.cache.array()).toList();
    try (NDManager scope = manager.newSubManager();
        IValue idList = TorchProgram.argument(scope.create(ids));
        IValue positionList = TorchProgram.argument(scope.create(positions));
        IValue countList = IValue.listFrom(pieces.stream().mapToLong(Piece::count).toArray());
        IValue pastList = IValue.listFrom(pieces.stream().mapToLong(Piece::past).toArray());
        IValue cacheList = TorchProgram.list(caches);
        IValue wantedList = TorchProgram.argument(scope.create(wanted));
        IValue labelList = TorchProgram.argument(scope.create(labels))) {
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
              labelList)
          .toDoubleArray();
    }
  }

  private static long[] longs(List<Long> list) {
    return list.stream().mapToLong(Long::longValue).toArray();
  }

  /** Some tokens of a sequence: {@code count} after {@code past} that have been read. */
  private record Piece(Reading reading, int past, int count) {}

  /** A sequence, and what is known of it so far. */
  private static final class Reading {
    final Scored sequence;
    final KeyValueCache cache;
    private final int end;
    double nats;
    int hits;

    Reading(Scored sequence, KeyValueCache cache) {
      this.sequence = sequence;
      this.cache = cache;
      int last = sequence.labels().length - 1;
      while (last >= 0 && sequence.labels()[last] < 0) {
        last--;
      }
      this.end = last + 1;
    }

    /** Tokens that are still to be read: those after the last label tell nothing. */
    int left() {
      return end - cache.length();
    }
  }
}
