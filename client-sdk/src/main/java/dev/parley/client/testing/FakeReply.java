package dev.parley.client.testing;

import dev.parley.client.FinishReason;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** What a {@link FakeParleyServer} answers to one message. Immutable. */
public final class FakeReply {
  enum Ending {
    /** The reply is whole. */
    COMPLETE,
    /** The turn fails; the conversation goes on. */
    TURN_FAILS,
    /** The stream ends with a status. */
    STREAM_FAILS,
    /** The stream ends as if all were well, which no server may do. */
    STREAM_TRUNCATED
  }

  final List<String> pieces;
  final Map<Integer, CompletableFuture<?>> pauses;
  final FinishReason finishReason;
  final Optional<String> stopText;
  final Ending ending;
  final Optional<FakeError> error;

  private FakeReply(
      List<String> pieces,
      Map<Integer, CompletableFuture<?>> pauses,
      FinishReason finishReason,
      Optional<String> stopText,
      Ending ending,
      Optional<FakeError> error) {
    this.pieces = List.copyOf(pieces);
    this.pauses = Map.copyOf(pauses);
    this.finishReason = finishReason;
    this.stopText = stopText;
    this.ending = ending;
    this.error = error;
  }

  /** A reply that comes in these pieces. */
  public static FakeReply of(String... pieces) {
    return of(List.of(pieces));
  }

  /** A reply that comes in these pieces. */
  public static FakeReply of(List<String> pieces) {
    return new FakeReply(
        pieces,
        Map.of(),
        FinishReason.END_OF_TURN,
        Optional.empty(),
        Ending.COMPLETE,
        Optional.empty());
  }

  /** A turn that fails before its first piece. */
  public static FakeReply failing(FakeError error) {
    return of().thenFail(error);
  }

  /** Why the reply ends. */
  public FakeReply finishing(FinishReason reason) {
    return new FakeReply(pieces, pauses, reason, stopText, ending, error);
  }

  /** The reply ends because this text came up. */
  public FakeReply stoppedBy(String text) {
    return new FakeReply(pieces, pauses, FinishReason.STOP_TEXT, Optional.of(text), ending, error);
  }

  /**
   * Waits before a piece until the future is complete; an interrupt ends the wait.
   *
   * @param piece counted from 0; the number of pieces: before the end
   */
  public FakeReply pausedBefore(int piece, CompletableFuture<?> until) {
    Map<Integer, CompletableFuture<?>> more = new HashMap<>(pauses);
    more.put(piece, until);
    return new FakeReply(pieces, more, finishReason, stopText, ending, error);
  }

  /** After the pieces the turn fails; the conversation goes on. */
  public FakeReply thenFail(FakeError error) {
    return new FakeReply(
        pieces, pauses, finishReason, stopText, Ending.TURN_FAILS, Optional.of(error));
  }

  /** After the pieces the conversation's stream dies. */
  public FakeReply thenBreak(FakeError error) {
    return new FakeReply(
        pieces, pauses, finishReason, stopText, Ending.STREAM_FAILS, Optional.of(error));
  }

  /** After the pieces the stream ends with OK, though the reply has not. */
  public FakeReply thenTruncate() {
    return new FakeReply(
        pieces, pauses, finishReason, stopText, Ending.STREAM_TRUNCATED, Optional.empty());
  }
}
