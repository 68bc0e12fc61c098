package dev.parley.server.chat;

import dev.parley.v1.Rating;
import dev.parley.v1.ServedModel;
import java.util.Optional;

/** Where judgements on replies go. Thread-safe. */
@FunctionalInterface
public interface FeedbackSink {
  /**
   * A judgement on one turn.
   *
   * @param turn counts the turns of the stream from 1
   * @param correction what the reply should have been
   */
  record Judgement(
      String conversationId,
      ServedModel model,
      int turn,
      String requestId,
      String message,
      String reply,
      Rating rating,
      Optional<String> correction) {}

  /** Takes a judgement. */
  void accept(Judgement judgement);
}
