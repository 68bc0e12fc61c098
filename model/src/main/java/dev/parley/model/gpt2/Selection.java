package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One call of the program's {@code select}, and what its numbers mean. */
final class Selection {
  private final NDArray logits;
  private final List<LogitsQuery> queries;
  private final int vocabulary;
  private final int greatest; // of every row that wants any, the most that one of them wants
  private final double[] numbers;
  private int ranked; // where the next number of each kind stands
  private int summed;
  private int drawn;
  private int single;

  Selection(NDManager scope, TorchProgram program, NDArray logits, List<LogitsQuery> queries) {
    this.logits = logits;
    this.queries = queries;
    this.vocabulary = (int) logits.getShape().get(1);
    int most = queries.stream().mapToInt(LogitsQuery::greatest).max().orElse(0);
    this.greatest = Math.min(most, vocabulary);
    List<Long> rankedRows = new ArrayList<>();
    List<double[]> summedRows = new ArrayList<>();
    List<double[]> drawnRows = new ArrayList<>();
    List<Long> singles = new ArrayList<>();
    for (int q = 0; q < queries.size(); q++) {
      LogitsQuery query = queries.get(q);
      if (query.greatest() > 0) {
        rankedRows.add((long) q);
      }
      if (query.sums()) {
        summedRows.add(new double[] {q, query.temperature()});
      }
      if (query.draws()) {
        drawnRows.add(new double[] {q, query.temperature(), query.place()});
      }
      for (int token : query.tokens()) {
        singles.add((long) q * vocabulary + token);
      }
    }
    if (rankedRows.isEmpty() && summedRows.isEmpty() && drawnRows.isEmpty() && singles.isEmpty()) {
      try (NDManager inputs = scope.newSubManager();
          IValue all = TorchProgram.argument(logits)) {
        this.numbers = program.tensor(inputs, "best", all).toDoubleArray();
      }
      return;
    }
    try (NDManager inputs = scope.newSubManager();
        IValue all = TorchProgram.argument(logits);
        IValue rankedList = TorchProgram.argument(inputs.create(longs(rankedRows)));
        IValue count = IValue.from((long) greatest);
        IValue summedList = TorchProgram.argument(table(inputs, summedRows, 2));
        IValue drawnList = TorchProgram.argument(table(inputs, drawnRows, 3));
        IValue singleList = TorchProgram.argument(inputs.create(longs(singles)))) {
      this.numbers =
          program
              .tensor(inputs, "select", all, rankedList, count, summedList, drawnList, singleList)
              .toDoubleArray();
    }
    this.ranked = 3 * queries.size();
    this.summed = ranked + 2 * greatest * rankedRows.size();
    this.drawn = summed + summedRows.size();
    this.single = drawn + drawnRows.size();
  }

  List<Logits> answers() {
    List<Logits> answers = new ArrayList<>();
    for (int q = 0; q < queries.size(); q++) {
      answers.add(answer(q, queries.get(q)));
    }
    return answers;
  }

  private Logits answer(int q, LogitsQuery query) {
    double max = numbers[3 * q];
    double min = numbers[3 * q + 2];
    boolean finite = Double.isFinite(max) && Double.isFinite(min);
    int count = query.greatest() > 0 ? greatest : 0;
    long[] known = new long[count + query.tokens().length];
    float bound = (float) max;
    for (int i = 0; i < count; i++, ranked += 2) {
      float value = (float) numbers[ranked];
      known[i] = entry((int) numbers[ranked + 1], value);
      bound = Math.min(bound, value);
    }
    for (int i = 0; i < query.tokens().length; i++) {
      known[count + i] = entry(query.tokens()[i], (float) numbers[single++]);
    }
    known = Arrays.stream(known).sorted().distinct().toArray();
    int[] tokens = new int[known.length];
    float[] values = new float[known.length];
    for (int i = 0; i < known.length; i++) {
      tokens[i] = (int) (known[i] >>> Integer.SIZE);
      values[i] = Float.intBitsToFloat((int) known[i]);
    }
    double sum = query.sums() ? numbers[summed++] : Double.NaN;
    int draw = query.draws() ? (int) numbers[drawn++] : -1;
    if (known.length == vocabulary) {
      bound = Float.NEGATIVE_INFINITY;
    }
    return new Logits(
        (int) numbers[3 * q + 1],
        finite,
        tokens,
        values,
        bound,
        sum,
        query.place(),
        draw,
        () -> whole(q));
  }

  /** A token and its logit, so that entries are in the order of their tokens. */
  private static long entry(int token, float logit) {
    return (long) token << Integer.SIZE | Integer.toUnsignedLong(Float.floatToRawIntBits(logit));
  }

  /** Rows of so many numbers each, [rows, width]. */
  private static NDArray table(NDManager manager, List<double[]> rows, int width) {
    double[] numbers = rows.stream().flatMapToDouble(Arrays::stream).toArray();
    return manager.create(numbers, new Shape(rows.size(), width));
  }

  private static long[] longs(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  private float[] whole(int q) {
    try (NDArray row = logits.get(q)) {
      return row.toFloatArray();
    }
  }
}
