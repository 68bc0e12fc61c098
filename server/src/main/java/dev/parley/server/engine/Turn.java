package dev.parley.server.engine;

import dev.parley.server.engine.TurnOutcome.FinishReason;

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

  int promptTokens;
  int cachedPromptTokens;
  int droppedHistoryTokens;
  int generatedTokens;
  boolean started;
  private long startedAt;
  private long firstTokenAt;
  private long lastTokenAt;

  Turn(long id, ConversationSlot slot, TurnRequest request, TurnSink sink, long arrival) {
    this.id = id;
    this.slot = slot;
    this.dialogue = slot.dialogue;
    this.request = request;
    this.sink = sink;
    this.arrival = arrival;
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
    if (generatedTokens == 1) {
      firstTokenAt = now;
    }
  }

  /** A step gave so many tokens. */
  void stepped(long now, int tokens, EngineObserver observer) {
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

  TurnOutcome outcome(FinishReason reason, String stopText, long now) {
    return new TurnOutcome(
        reason,
        stopText,
        promptTokens,
        cachedPromptTokens,
        generatedTokens,
        droppedHistoryTokens,
        (started ? startedAt : now) - arrival,
        (generatedTokens > 0 ? firstTokenAt : now) - arrival,
        now - arrival);
  }
}
