package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.List;

/**
 * The logits of one step. They stay on the device; what was asked about them has come over in one
 * piece. Owned by who made the step, who closes it before the next one.
 */
public final class StepLogits implements AutoCloseable {
  private final NDManager scope;
  private final List<List<Logits>> rows;

  private StepLogits(NDManager scope, List<List<Logits>> rows) {
    this.scope = scope;
    this.rows = rows;
  }

  /**
   * Asks about logits.
   *
   * @param scope owns the logits; closed with the result, the caller's if this throws
   * @param logits [queries, vocabulary], fp32
   * @param queries of each row of the step, in the order of the logits
   */
  static StepLogits select(
      NDManager scope, TorchProgram program, NDArray logits, List<List<LogitsQuery>> queries) {
    List<LogitsQuery> all = queries.stream().flatMap(List::stream).toList();
    List<Logits> answers =
        all.isEmpty() ? List.of() : new Selection(scope, program, logits, all).answers();
    List<List<Logits>> rows = new ArrayList<>();
    int at = 0;
    for (List<LogitsQuery> row : queries) {
      rows.add(answers.subList(at, at + row.size()));
      at += row.size();
    }
    return new StepLogits(scope, rows);
  }

  /** What a row of the step asked for: an answer for each of its queries, in order. */
  public List<Logits> row(int row) {
    return rows.get(row);
  }

  @Override
  public void close() {
    scope.close();
  }
}
