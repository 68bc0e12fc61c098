package dev.parley.server.engine;

import dev.parley.model.gpt2.Logits;
import dev.parley.server.engine.EngineObserver.EvictionReason;
import dev.parley.server.engine.StepClock.Part;
import dev.parley.server.engine.StepRunner.Result;
import dev.parley.server.engine.TurnOutcome.FinishReason;
import dev.parley.server.rpc.RpcException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes tokens of replies of what a step gave, and sees which replies end with them. On the engine
 * thread.
 */
final class ReplyTokens {
  private static final Logger log = LoggerFactory.getLogger(ReplyTokens.class);

  private final OpenTurns turns;
  private final BestOfRows bestOf;
  private final Scheduler scheduler;
  private final Sampler sampler;
  private final EngineObserver observer;
  private final StepClock stepClock;
  private final int contextLength;
  private final int endOfText;

  ReplyTokens(
      OpenTurns turns,
      BestOfRows bestOf,
      Scheduler scheduler,
      Sampler sampler,
      EngineObserver observer,
      StepClock stepClock,
      int contextLength,
      int endOfText) {
    this.turns = turns;
    this.bestOf = bestOf;
    this.scheduler = scheduler;
    this.sampler = sampler;
    this.observer = observer;
    this.stepClock = stepClock;
    this.contextLength = contextLength;
    this.endOfText = endOfText;
  }

  /**
   * Chooses tokens of a reply: the next one, and on as long as they are those that were guessed.
   * The first one of a turn with several candidates is chosen for each of them.
   */
  void choose(Turn turn, Result result, long now) {
    int[] guesses = result.guesses();
    int accepted = 0;
    scheduler.guessed(turn.id, guesses.length);
    if (turn.forks()) {
      bestOf.fork(turn).forEach(candidate -> goesOn(candidate, result.logits().get(0), now));
    } else {
      while (goesOn(turn, result.logits().get(accepted), now)
          && accepted < guesses.length
          && turn.tokens.get(turn.tokens.size() - 1) == guesses[accepted]) {
        turn.dialogue.read(guesses[accepted]);
        scheduler.accept(turn.id);
        accepted++;
      }
    }
    if (guesses.length > 0) {
      scheduler.checked(turn.dialogue.id, guesses.length, accepted);
      observer.guessed(accepted, guesses.length - accepted);
    }
  }

  /** Chooses the next token of a reply; false where the reply ends with it. */
  private boolean goesOn(Turn turn, Logits logits, long now) {
    SamplingParameters sampling = turn.sampling;
    int token;
    try {
      token = sampler.choose(logits, sampling, turn.tokens, turn.promptTokens, turn.draft::allows);
      stepClock.lap(Part.SAMPLING);
      if (turn.candidates != null) {
        float summed = SamplingQuery.sums(sampling) ? sampling.temperature() : 1;
        turn.logProbability += LogProbability.of(logits, summed, token);
      }
    } catch (Sampler.NoTokenException e) {
      fail(turn, EngineErrors.noToken(e));
      return false;
    } catch (RuntimeException e) {
      fail(turn, EngineErrors.internal(e));
      return false;
    }
    turn.generated(now);
    if (token == endOfText) {
      end(turn, ReplyEnd.whole(FinishReason.END_OF_TURN, turn.reply()));
      return false;
    }
    turn.tokens.add(token);
    TurnSink.Stop stop;
    try {
      stop = turn.draft.token(token);
    } catch (RuntimeException e) {
      end(turn, ReplyEnd.failed(EngineErrors.internal(e)));
      return false;
    }
    ReplyEnd end = endAfter(turn, stop);
    if (end != null) {
      end(turn, end);
      return false;
    }
    scheduler.extend(turn.id);
    return true;
  }

  /** How a reply ends with its latest token; null where it goes on. */
  private @Nullable ReplyEnd endAfter(Turn turn, TurnSink.@Nullable Stop stop) {
    if (stop != null) {
      return ReplyEnd.stopped(stop, turn.reply());
    }
    if (turn.generatedTokens >= turn.sampling.maxNewTokens()) {
      return ReplyEnd.whole(FinishReason.MAX_TOKENS, turn.reply());
    }
    if (turn.tokens.size() >= contextLength) {
      return ReplyEnd.whole(FinishReason.CONTEXT_FULL, turn.reply());
    }
    return null;
  }

  /** A row failed in a step that left its cache in doubt. */
  void fail(Turn turn, RpcException error) {
    int tokens = turn.tokens.size();
    log.warn(
        "turn {} of conversation {} failed: {}", turn.id, turn.dialogue.id, error.getMessage());
    scheduler.rest(turn.id);
    scheduler.forget(turn.dialogue.id);
    turn.dialogue.forget();
    observer.evicted(EvictionReason.FAILED, tokens);
    end(turn, ReplyEnd.failed(error));
  }

  /** A reply ended, or a candidate for one: the others compete on. */
  private void end(Turn turn, ReplyEnd end) {
    if (turn.candidates != null) {
      bestOf.ended(turn, turn.candidates, end);
    } else if (end.error() != null) {
      turns.fail(turn, end.error());
    } else {
      turns.finish(turn, end);
    }
  }
}
