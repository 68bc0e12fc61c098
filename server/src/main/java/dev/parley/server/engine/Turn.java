package dev.parley.server.engine;

import dev.parley.server.engine.TurnOutcome.FinishReason;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A message on its way to its reply. Owned by the engine thread once it is queued. */
final class Turn {
  final long id;
  final ConversationSlot slot;
  final Dialogue dialogue;
  final TurnRequest request;
  final TurnSink sink;
  final long arrival;

  /** History, message and the reply so far; empty until the turn is the first of its dialogue. */
  TokenBuffer tokens = new TokenBuffer();

  /** How its tokens are chosen. */
  SamplingParameters sampling;

  /** Where its tokens go: to the reader, or nowhere while others compete with it. */
  TurnSink.Draft draft;

  /** What its reply is chosen from, once the prompt is read; null where nothing is chosen. */
  @Nullable Candidates candidates;

  /** Of the tokens of a candidate, in nats; not counted without candidates. */
  double logProbability;

  int promptTokens;
  int cachedPromptTokens;
  int droppedHistoryTokens;
  int generatedTokens;
  boolean started;
  private long startedAt;
  private long firstTokenAt = -1;
  private long lastTokenAt;

  Turn(long id, ConversationSlot slot, TurnRequest request, TurnSink sink, long arrival) {
    this.id = id;
    this.slot = slot;
    this.dialogue = slot.dialogue;
    this.request = request;
    this.sink = sink;
    this.arrival = arrival;
    this.sampling = request.sampling();
    this.draft = delivering(sink);
  }

  private static TurnSink.Draft delivering(TurnSink sink) {
    return new TurnSink.Draft() {
      @Override
      public boolean allows(int token) {
        return sink.allows(token);
      }

      @Override
      public TurnSink.@Nullable Stop token(int token) {
        return sink.token(token);
      }
    };
  }

  /** Its reply is, or will be, the best of several. */
  boolean ranked() {
    return request.bestOf().candidates() > 1;
  }

  /** Its next token is the first of several candidates. */
  boolean forks() {
    return candidates == null && ranked();
  }

  /** Its reply is chosen from candidates from now on; it is the first of them. */
  Candidates compete() {
    Candidates all = new Candidates(this);
    candidates = all;
    draft = sink.draft();
    return all;
  }

  /** The turn that this is a candidate for; itself where nothing is chosen. */
  Turn lead() {
    return candidates == null ? this : candidates.lead();
  }

  /** The candidates for its reply beside itself. */
  List<Turn> others() {
    return candidates == null ? List.of() : candidates.others();
  }

  /** Another candidate for its reply: it has read the prompt, too. */
  Turn candidate(long candidateId, int index, Dialogue room) {
    Turn other = new Turn(candidateId, new ConversationSlot(room), request, sink, arrival);
    other.sampling = sampling.withSeed(BestOf.seed(sampling.seed(), index));
    other.draft = sink.draft();
    other.candidates = candidates;
    other.tokens = new TokenBuffer(tokens.slice(0, tokens.size()));
    other.promptTokens = promptTokens;
    other.started = true;
    return other;
  }

  /** Its reply is that of a candidate, which is delivered now. */
  void choose(Turn candidate, long now, EngineObserver observer) {
    tokens = candidate.tokens;
    firstTokenAt = now;
    draft = delivering(sink);
    observer.firstToken(now - arrival);
  }

  /** Its first step begins. */
  void start(long now, int cached, EngineObserver observer) {
    if (!started) {
      started = true;
      startedAt = now;
      cachedPromptTokens = cached;
      observer.turnStarted(now - arrival);
    }
  }

  /** A token was chosen, an end of turn too. */
  void generated(long now) {
    generatedTokens++;
    if (candidates != null) {
      return; // nothing reaches the reader before the choice
    }
    if (generatedTokens == 1) {
      firstTokenAt = now;
    }
  }

  /** A step gave so many tokens. */
  void stepped(long now, int tokens, EngineObserver observer) {
    if (candidates != null) {
      return; // as above
    }
    int later = tokens;
    if (tokens > 0 && tokens == generatedTokens) {
      observer.firstToken(now - arrival);
      lastTokenAt = now;
      later--;
    }
    for (int i = 0; i < later; i++) {
      observer.nextToken((now - lastTokenAt) / later);
    }
    lastTokenAt = now;
  }

  /** The tokens of the reply so far. */
  int[] reply() {
    return tokens.slice(promptTokens, tokens.size());
  }

  /** Those of them that were delivered. */
  int[] delivered() {
    return candidates == null ? reply() : new int[0];
  }

  /** Tokens that were generated for it, by all candidates where there are several. */
  int allGeneratedTokens() {
    return candidates == null ? generatedTokens : candidates.generatedTokens();
  }

  TurnOutcome outcome(FinishReason reason, String stopText, long now) {
    return new TurnOutcome(
        reason,
        stopText,
        promptTokens,
        cachedPromptTokens,
        allGeneratedTokens(),
        droppedHistoryTokens,
        (started ? startedAt : now) - arrival,
        (firstTokenAt >= 0 ? firstTokenAt : now) - arrival,
        now - arrival,
        candidates == null ? List.of() : candidates.scored(),
        candidates == null ? -1 : candidates.chosen());
  }
}
