package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.server.engine.Plan.Grant;
import java.nio.FloatBuffer;
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
  private static final FloatBuffer NONE = FloatBuffer.allocate(0);
  private final Gpt2Decoder decoder;

  /**
   * What became of a row.
   *
   * @param logits [vocabulary] where the row wanted them, otherwise empty
   * @param error why it failed; its cache is in doubt then
   */
  record Result(FloatBuffer logits, @Nullable RuntimeException error) {}

  StepRunner(Gpt2Decoder decoder) {
    this.decoder = decoder;
  }

  /** Makes all rows; every row has a result. */
  Map<Grant, Result> run(Map<Grant, Turn> turns) {
    List<Grant> grants = List.copyOf(turns.keySet());
    List<Gpt2Decoder.Row> rows = new ArrayList<>();
    turns.forEach(
        (grant, turn) -> rows.add(turn.dialogue.row(turn.tokens, grant.tokens(), grant.sample())));
    Map<Grant, Result> results;
    try {
      results = step(grants, rows);
    } catch (RuntimeException e) {
      log.warn("a step of {} rows failed; each is tried by itself", rows.size());
      log.debug("why the step failed", e); // a row that fails again says so in the turn's warning
      results = oneByOne(grants, rows);
    }
    for (int r = 0; r < rows.size(); r++) {
      Grant grant = grants.get(r);
      Result result = results.get(grant);
      Turn turn = turns.get(grant);
      if (turn != null && result != null && result.error() == null) {
        turn.dialogue.read(rows.get(r).tokens());
      }
    }
    return results;
  }

  private Map<Grant, Result> oneByOne(List<Grant> grants, List<Gpt2Decoder.Row> rows) {
    Map<Grant, Result> results = new LinkedHashMap<>();
    for (int r = 0; r < rows.size(); r++) {
      try {
        results.putAll(step(List.of(grants.get(r)), List.of(rows.get(r))));
      } catch (RuntimeException e) {
        results.put(grants.get(r), new Result(NONE, e));
      }
    }
    return results;
  }

  private Map<Grant, Result> step(List<Grant> grants, List<Gpt2Decoder.Row> rows) {
    List<FloatBuffer> logits = decoder.step(rows);
    Map<Grant, Result> results = new LinkedHashMap<>();
    int next = 0;
    for (int r = 0; r < rows.size(); r++) {
      results.put(
          grants.get(r), new Result(rows.get(r).logits() ? logits.get(next++) : NONE, null));
    }
    return results;
  }
}
