package dev.parley.model.gpt2;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.gpt2.Gpt2Decoder.Score;
import dev.parley.model.gpt2.Gpt2Decoder.Scored;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;

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
  private final StepInput.Grouping grouping;
  private final List<IValue> model;

  /**
   * Scores.
   *
   * @param model the arguments of a step that come before those of its rows
   */
  SequenceScores(
      NDManager manager, TorchProgram program, StepInput.Grouping grouping, List<IValue> model) {
    this.manager = manager;
    this.program = program;
    this.grouping = grouping;
    this.model = model;
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
    List<StepInput.NewTokens> tokens = new ArrayList<>();
    List<Long> labels = new ArrayList<>();
    List<Reading> owners = new ArrayList<>();
    for (Piece piece : pieces) {
      piece.reading.cache.reserve(piece.count);
      tokens.add(piece.newTokens());
      for (int label : piece.labels()) {
        labels.add((long) label);
        owners.add(piece.reading);
      }
    }
    double[] scores = score(tokens, labels);
    int count = owners.size();
    for (int i = 0; i < count; i++) {
      owners.get(i).nats -= scores[i];
      owners.get(i).hits += (int) scores[count + i];
    }
    pieces.forEach(piece -> piece.reading.cache.advance(piece.count));
  }

  /** The program's answer: logarithms of all labels, then 1 or 0 for each. */
  private double[] score(List<StepInput.NewTokens> tokens, List<Long> labels) {
    try (NDManager scope = manager.newSubManager();
        StepInput input = new StepInput(scope, grouping, tokens);
        IValue targets =
            TorchProgram.argument(
                scope.create(labels.stream().mapToLong(Long::longValue).toArray()))) {
      return program.tensor(scope, "score", input.arguments(model, targets)).toDoubleArray();
    }
  }

  /** Some tokens of a sequence: {@code count} after {@code past} that have been read. */
  private record Piece(Reading reading, int past, int count) {
    StepInput.NewTokens newTokens() {
      int[] tokens = Arrays.copyOfRange(reading.sequence.tokens(), past, past + count);
      return new StepInput.NewTokens(reading.cache, tokens, counting().toArray());
    }

    /** Those of its tokens after which a label counts. */
    private IntStream counting() {
      return IntStream.range(0, count).filter(i -> reading.sequence.labels()[past + i] >= 0);
    }

    int[] labels() {
      return counting().map(i -> reading.sequence.labels()[past + i]).toArray();
    }
  }

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
