package dev.parley.server.chat;

import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import dev.parley.server.engine.BestOf;
import dev.parley.server.engine.ScoredReply;
import dev.parley.server.engine.TurnOutcome;
import dev.parley.server.engine.TurnSink;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.Candidate;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.FinishReason;
import dev.parley.v1.ServedModel;
import dev.parley.v1.TextDelta;
import dev.parley.v1.Timings;
import dev.parley.v1.TurnComplete;
import dev.parley.v1.TurnFailed;
import dev.parley.v1.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Writes one turn to its stream: deltas, then exactly one of TurnComplete or TurnFailed. */
final class ReplyWriter implements TurnSink {
  private final Outbox outbox;
  private final ServedModel model;
  private final int turn;
  private final String requestId;
  private final long seed;
  private final Supplier<CandidateText> texts;
  private final CandidateText text;
  private final boolean returnCandidates;
  private final Ended ended;
  private final List<CandidateText> drafts = new ArrayList<>();
  private final StringBuilder chosen = new StringBuilder();

  /** What a stream is told about a turn's end. */
  interface Ended {
    /** The whole reply, before the client is told that it is whole. */
    void said(String reply);

    /** The last message of the turn was sent: all is said. */
    void complete();

    /** The last message of the turn was sent, if any: there is no reply. */
    void failed(RpcException error);
  }

  /**
   * A writer of one turn.
   *
   * @param texts makes the text of the reply, and that of each candidate for it
   * @param returnCandidates whether the end of the turn says what the reply was chosen from
   */
  ReplyWriter(
      Outbox outbox,
      ServedModel model,
      int turn,
      String requestId,
      long seed,
      Supplier<CandidateText> texts,
      boolean returnCandidates,
      Ended ended) {
    this.outbox = outbox;
    this.model = model;
    this.turn = turn;
    this.requestId = requestId;
    this.seed = seed;
    this.texts = texts;
    this.text = texts.get();
    this.returnCandidates = returnCandidates;
    this.ended = ended;
  }

  /** Whether this is the reply to the message with a request id. */
  boolean answers(String id) {
    return requestId.equals(id);
  }

  @Override
  public boolean ready() {
    return outbox.ready();
  }

  @Override
  public boolean allows(int token) {
    return text.allows(token);
  }

  @Override
  public @Nullable Stop token(int token) {
    Stop stop = text.token(token);
    if (drafts.isEmpty()) {
      delta(text.piece());
    } else {
      chosen.append(text.piece()); // it is whole already: one message will do
    }
    return stop;
  }

  @Override
  public Draft draft() {
    CandidateText draft = texts.get();
    drafts.add(draft);
    return draft;
  }

  private void delta(String piece) {
    if (!piece.isEmpty()) {
      outbox.send(
          ChatResponse.newBuilder()
              .setTextDelta(
                  TextDelta.newBuilder().setTurn(turn).setRequestId(requestId).setText(piece))
              .build());
    }
  }

  @Override
  public void finished(TurnOutcome outcome) {
    delta(chosen + text.finish());
    TurnComplete.Builder complete =
        TurnComplete.newBuilder()
            .setTurn(turn)
            .setRequestId(requestId)
            .setFinishReason(reason(outcome.reason()))
            .setText(text.text())
            .setUsage(
                Usage.newBuilder()
                    .setPromptTokens(outcome.promptTokens())
                    .setCachedPromptTokens(outcome.cachedPromptTokens())
                    .setGeneratedTokens(outcome.generatedTokens())
                    .setDroppedHistoryTokens(outcome.droppedHistoryTokens()))
            .setTimings(
                Timings.newBuilder()
                    .setQueued(Durations.fromNanos(outcome.queuedNanos()))
                    .setFirstToken(Durations.fromNanos(outcome.firstTokenNanos()))
                    .setTotal(Durations.fromNanos(outcome.totalNanos())))
            .setSeed(seed)
            .setModel(model);
    if (outcome.reason() == TurnOutcome.FinishReason.STOP_TEXT) {
      complete.setStopText(outcome.stopText());
    }
    if (returnCandidates && outcome.chosen() >= 0) {
      outcome.candidates().forEach(reply -> complete.addCandidates(candidate(reply)));
      complete.setChosenCandidate(outcome.chosen());
    }
    ended.said(text.text());
    outbox.send(ChatResponse.newBuilder().setTurnComplete(complete).build());
    ended.complete();
  }

  private Candidate candidate(ScoredReply reply) {
    CandidateText draft = drafts.get(reply.index());
    draft.finish();
    Candidate.Builder candidate =
        Candidate.newBuilder()
            .setText(draft.text())
            .setFinishReason(reason(reply.reason()))
            .setGeneratedTokens(reply.generatedTokens())
            .setMeanLogProbability(reply.meanLogProbability())
            .setSeed(BestOf.seed(seed, reply.index()));
    reply.score().ifPresent(candidate::setMmiScore);
    return candidate.build();
  }

  private static FinishReason reason(TurnOutcome.FinishReason reason) {
    return switch (reason) {
      case END_OF_TURN -> FinishReason.FINISH_REASON_END_OF_TURN;
      case STOP_TEXT -> FinishReason.FINISH_REASON_STOP_TEXT;
      case MAX_TOKENS -> FinishReason.FINISH_REASON_MAX_TOKENS;
      case CONTEXT_FULL -> FinishReason.FINISH_REASON_CONTEXT_FULL;
      case INTERRUPTED -> FinishReason.FINISH_REASON_INTERRUPTED;
      case DEADLINE -> FinishReason.FINISH_REASON_DEADLINE;
    };
  }

  @Override
  public void failed(RpcException error) {
    // An engine that is gone ends the stream instead: no later turn could be answered either.
    if (error.toStatus().getCode() != Code.UNAVAILABLE_VALUE) {
      outbox.send(failure(turn, requestId, error));
    }
    ended.failed(error);
  }

  static ChatResponse failure(int turn, String requestId, RpcException error) {
    return ChatResponse.newBuilder()
        .setTurnFailed(
            TurnFailed.newBuilder()
                .setTurn(turn)
                .setRequestId(requestId)
                .setStatus(error.toStatus()))
        .build();
  }
}
