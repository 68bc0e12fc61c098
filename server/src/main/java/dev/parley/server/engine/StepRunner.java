package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Logits;
import dev.parley.model.gpt2.LogitsQuery;
import dev.parley.model.gpt2.StepLogits;
import dev.parley.model.torch.MemoryFailure;
import dev.parley.server.engine.Plan.Grant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out the rows of a step in one call. Where that fails, the step is halved again and again,
 * so that a row that cannot be made fails alone, after a few calls more. Where it fails for lack of
 * memory, other memory is given up first, and a row that is too large by itself is read without its
 * guesses, or in pieces.
 */
final class StepRunner {
  private static final Logger log = LoggerFactory.getLogger(StepRunner.class);
  private static final int[] NONE = {};
  private final Gpt2Decoder decoder;
  private final Consumer<List<Gpt2Decoder.Row>> beforeCall;
  private final BooleanSupplier giveUpMemory;
  private final int endOfText;

  /**
   * What became of a row.
   *
   * @param logits after the last of its tokens and after each of its guesses; empty where none are
   *     wanted
   * @param guesses read behind its tokens
   * @param error why it failed; its cache is in doubt then
   */
  record Result(List<Logits> logits, int[] guesses, @Nullable Throwable error) {}

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

    /** Why every row failed, the last one's reason; null where one was made. */
    @Nullable Throwable failure() {
      Throwable last = null;
      for (Result result : results.values()) {
        last = result.error();
        if (last == null) {
          return null;
        }
      }
      return last;
    }

    @Override
    public void close() {
      logits.forEach(StepLogits::close);
    }
  }

  /**
   * Over a decoder.
   *
   * @param beforeCall told what each call into the model reads; where it throws, the call fails
   * @param giveUpMemory whether some memory was given up that nobody needs; false where none is
   *     left
   */
  StepRunner(
      Gpt2Decoder decoder,
      Consumer<List<Gpt2Decoder.Row>> beforeCall,
      BooleanSupplier giveUpMemory) {
    this.decoder = decoder;
    this.beforeCall = beforeCall;
    this.giveUpMemory = giveUpMemory;
    this.endOfText = decoder.config().endOfText();
  }

  /** Makes all rows; every row has a result. */
  Results run(Map<Grant, Turn> turns) {
    List<Grant> grants = List.copyOf(turns.keySet());
    List<Gpt2Decoder.Row> rows = new ArrayList<>();
    turns.forEach((grant, turn) -> rows.add(row(grant, turn)));
    Results results = new Results();
    make(grants, rows, results);
    for (int r = 0; r < rows.size(); r++) {
      Grant grant = grants.get(r);
      Turn turn = turns.get(grant);
      if (turn != null && results.of(grant).error() == null) {
        turn.dialogue.read(Arrays.copyOf(rows.get(r).tokens(), grant.tokens())); // not the guesses
      }
    }
    return results;
  }

  private Gpt2Decoder.Row row(Grant grant, Turn turn) {
    if (!grant.sample()) {
      return turn.dialogue.row(turn.tokens, grant.tokens(), List.of());
    }
    int most =
        turn.forks() ? 0 : Math.min(grant.guesses(), room(turn)); // candidates differ at once
    int[] guesses = PromptLookup.guess(turn.tokens, most, endOfText);
    int known = turn.tokens.size();
    List<LogitsQuery> queries = new ArrayList<>();
    queries.add(query(turn));
    for (int guess : guesses) {
      turn.tokens.add(guess);
      queries.add(query(turn));
    }
    Gpt2Decoder.Row row = turn.dialogue.row(turn.tokens, grant.tokens() + guesses.length, queries);
    turn.tokens.truncate(known);
    return row;
  }

  /** How many guesses can be of use: the reply may have one token more. */
  private int room(Turn turn) {
    int reply = turn.request.sampling().maxNewTokens() - turn.generatedTokens;
    return Math.min(reply, decoder.config().contextLength() - turn.tokens.size()) - 1;
  }

  private LogitsQuery query(Turn turn) {
    return turn.ranked()
        ? SamplingQuery.ranked(turn.sampling, turn.tokens, turn.promptTokens, endOfText)
        : SamplingQuery.of(turn.sampling, turn.tokens, turn.promptTokens, endOfText);
  }

  private void make(List<Grant> grants, List<Gpt2Decoder.Row> rows, Results results) {
    try {
      step(grants, rows, results);
    } catch (RuntimeException | OutOfMemoryError e) {
      boolean memory = MemoryFailure.is(e);
      int tokens = rows.stream().mapToInt(row -> row.tokens().length).sum();
      log.debug("why a call of {} rows, {} tokens failed", rows.size(), tokens, e);
      if (memory && giveUpMemory.getAsBoolean()) {
        log.warn("no memory for {} rows, {} tokens; idle caches were dropped", rows.size(), tokens);
        make(grants, rows, results);
      } else if (rows.size() > 1) {
        log.warn("a call of {} rows, {} tokens failed; it is halved", rows.size(), tokens);
        int half = rows.size() / 2;
        make(grants.subList(0, half), rows.subList(0, half), results);
        make(grants.subList(half, rows.size()), rows.subList(half, rows.size()), results);
      } else if (memory && rows.get(0).queries().size() > 1) {
        log.warn("no memory for a row with guesses; it is read without");
        make(grants, List.of(withoutGuesses(rows.get(0))), results);
      } else if (memory && firstPiece(rows.get(0)) > 0) {
        log.warn("no memory for a row of {} tokens; it is read in pieces", tokens);
        inPieces(grants.get(0), rows.get(0), results);
      } else {
        results.results.put(grants.get(0), new Result(List.of(), NONE, e));
      }
    }
  }

  private static Gpt2Decoder.Row withoutGuesses(Gpt2Decoder.Row row) {
    int guesses = row.queries().size() - 1;
    int[] tokens = Arrays.copyOf(row.tokens(), row.tokens().length - guesses);
    return new Gpt2Decoder.Row(row.cache(), tokens, row.queries().subList(0, 1));
  }

  /** How much of a row without guesses can be read in a call of its own: half. */
  private static int firstPiece(Gpt2Decoder.Row row) {
    return row.tokens().length / 2;
  }

  /** A row read in two calls or more; but for rounding, all comes out as in one. */
  private void inPieces(Grant grant, Gpt2Decoder.Row row, Results results) {
    int first = firstPiece(row);
    int[] begin = Arrays.copyOf(row.tokens(), first);
    int[] end = Arrays.copyOfRange(row.tokens(), first, row.tokens().length);
    make(List.of(grant), List.of(new Gpt2Decoder.Row(row.cache(), begin, List.of())), results);
    if (results.of(grant).error() == null) {
      make(List.of(grant), List.of(new Gpt2Decoder.Row(row.cache(), end, row.queries())), results);
    }
  }

  private void step(List<Grant> grants, List<Gpt2Decoder.Row> rows, Results results) {
    beforeCall.accept(rows);
    StepLogits logits = decoder.step(rows);
    results.logits.add(logits);
    for (int r = 0; r < rows.size(); r++) {
      int[] tokens = rows.get(r).tokens();
      int guessed = Math.max(0, rows.get(r).queries().size() - 1);
      int[] guesses = Arrays.copyOfRange(tokens, tokens.length - guessed, tokens.length);
      results.results.put(grants.get(r), new Result(logits.row(r), guesses, null));
    }
  }
}
