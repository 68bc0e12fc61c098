package dev.parley.trainer.eval;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.KeyValueCache;
import dev.parley.model.gpt2.Logits;
import dev.parley.model.gpt2.LogitsQuery;
import dev.parley.model.gpt2.StepLogits;
import dev.parley.trainer.data.Batches;
import dev.parley.trainer.data.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How well a model predicts dialogues as it is served: by the decoder, in a precision, token by
 * token, many sequences in one step. A precision that quantizes activations over a step sees steps
 * of the size that serving has; a whole sequence at once would flatter or wrong it.
 */
final class ServedEvaluation {
  private final Gpt2Decoder decoder;
  private double nats;
  private long hits;
  private long targets;

  private ServedEvaluation(Gpt2Decoder decoder) {
    this.decoder = decoder;
  }

  /**
   * Evaluates a decoder.
   *
   * @param sequences at least one
   * @param rows sequences in one step
   */
  static Evaluation of(Gpt2Decoder decoder, List<Sequence> sequences, int rows) {
    ServedEvaluation evaluation = new ServedEvaluation(decoder);
    Batches.byLength(sequences, rows).forEach(evaluation::read);
    return new Evaluation(
        evaluation.nats / evaluation.targets,
        evaluation.targets,
        (double) evaluation.hits / evaluation.targets);
  }

  private void read(List<Sequence> batch) {
    List<Reader> readers = batch.stream().map(s -> new Reader(s, decoder.newCache())).toList();
    try {
      for (List<Reader> left = readers; !left.isEmpty(); left = unread(left)) {
        List<Gpt2Decoder.Row> rows = left.stream().map(Reader::row).toList();
        try (StepLogits logits = decoder.step(rows)) {
          for (int i = 0; i < left.size(); i++) {
            count(left.get(i), logits.row(i));
          }
        }
      }
    } finally {
      readers.forEach(reader -> reader.cache.close());
    }
  }

  private static List<Reader> unread(List<Reader> readers) {
    return readers.stream().filter(reader -> reader.at < reader.end).toList();
  }

  private void count(Reader reader, List<Logits> answers) {
    if (!answers.isEmpty()) {
      Logits logits = answers.get(0);
      int label = reader.label();
      double best = value(logits, logits.best());
      nats += Math.log(logits.sum()) + best - value(logits, label);
      hits += logits.best() == label ? 1 : 0;
      targets++;
    }
    reader.advance();
  }

  private static double value(Logits logits, int token) {
    return logits.values()[Arrays.binarySearch(logits.tokens(), token)];
  }

  /** A sequence, read up to each learned token in turn; what is not learned comes in one piece. */
  private static final class Reader {
    final KeyValueCache cache;
    final int end;
    private final Sequence sequence;
    int at;
    private int next;

    Reader(Sequence sequence, KeyValueCache cache) {
      this.sequence = sequence;
      this.cache = cache;
      this.end = lastLearned(sequence) + 1;
      seek();
    }

    private static int lastLearned(Sequence sequence) {
      int last = sequence.labels().length - 1;
      while (last >= 0 && sequence.labels()[last] == Sequence.IGNORED) {
        last--;
      }
      return last;
    }

    private void seek() {
      next = at;
      while (next < end && sequence.labels()[next] == Sequence.IGNORED) {
        next++;
      }
      next++;
    }

    Gpt2Decoder.Row row() {
      int[] tokens = Arrays.copyOfRange(sequence.ids(), at, next);
      List<LogitsQuery> query = new ArrayList<>();
      query.add(new LogitsQuery(1, 1, new int[] {label()}));
      return new Gpt2Decoder.Row(cache, tokens, query);
    }

    int label() {
      return sequence.labels()[next - 1];
    }

    void advance() {
      at = next;
      seek();
    }
  }
}
