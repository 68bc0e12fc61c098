package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Logits;
import dev.parley.model.gpt2.LogitsQuery;
import dev.parley.model.gpt2.StepLogits;
import dev.parley.server.engine.Plan.Grant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out the rows of a step in one call. Where that fails, it makes each row by itself, so
 * that the one that cannot be made fails alone and a step that is too large for the memory still
 * gets on.
 */
final class StepRunner {
  private static final Logger log = LoggerFactory.getLogger(StepRunner.class);
  private final Gpt2Decoder decoder;

  /**
   * What became of a row.
   *
   * @param logits the answers to its queries
   * @param error why it failed; its cache is in doubt then
   */
  record Result(List<Logits> logits, @Nullable RuntimeException error) {}

  /** What became of the rows of a step, with the logits that they asked about; closed after use. */
  static final class Results implements AutoCloseable {
    private final Map<Grant, Result> results = new LinkedHashMap<>();
    private final List<StepLogits> logits = new ArrayList<>();

    /** What became of a row. */
    Result of(Grant grant) {
      Result result = results.get(grant);
      if (result == null) {
        throw new IllegalStateException("no result for turn " + grant.turn());
      }
      return result;
    }

    @Override
    public void close() {
      logits.forEach(StepLogits::close);
    }
  }

  StepRunner(Gpt2Decoder decoder) {
    this.decoder = decoder;
  }

  /** Makes all rows; every row has a result. */
  Results run(Map<Grant, Turn> turns) {
    List<Grant> grants = List.copyOf(turns.keySet());
    List<Gpt2Decoder.Row> rows = new ArrayList<>();
    turns.forEach((grant, turn) -> rows.add(row(grant, turn)));
    Results results = new Results();
    try {
      step(grants, rows, results);
    } catch (RuntimeException e) {
      log.warn("a step of {} rows failed; each is tried by itself", rows.size());
      log.debug("why the step failed", e); // a row that fails again says so in the turn's warning
      oneByOne(grants, rows, results);
    }
    for (int r = 0; r < rows.size(); r++) {
      Grant grant = grants.get(r);
      Turn turn = turns.get(grant);
      if (turn != null && results.of(grant).error() == null) {
        turn.dialogue.read(rows.get(r).tokens());
      }
    }
    return results;
  }

  private Gpt2Decoder.Row row(Grant grant, Turn turn) {
    List<LogitsQuery> queries =
        grant.sample()
            ? List.of(
                SamplingQuery.of(
                    turn.request.sampling(),
                    turn.tokens,
                    turn.promptTokens,
                    decoder.config().endOfText()))
            : List.of();
    return turn.dialogue.row(turn.tokens, grant.tokens(), queries);
  }

  private void oneByOne(List<Grant> grants, List<Gpt2Decoder.Row> rows, Results results) {
    for (int r = 0; r < rows.size(); r++) {
      try {
        step(List.of(grants.get(r)), List.of(rows.get(r)), results);
      } catch (RuntimeException e) {
        results.results.put(grants.get(r), new Result(List.of(), e));
      }
    }
  }

  private void step(List<Grant> grants, List<Gpt2Decoder.Row> rows, Results results) {
    StepLogits logits = decoder.step(rows);
    results.logits.add(logits);
    for (int r = 0; r < rows.size(); r++) {
      results.results.put(grants.get(r), new Result(logits.row(r), null));
    }
  }
}
