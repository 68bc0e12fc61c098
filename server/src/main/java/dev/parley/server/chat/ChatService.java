package dev.parley.server.chat;

import dev.parley.v1.ChatServiceGrpc;
import java.time.Duration;

/** Conversations with served models, one per stream. */
public final class ChatService extends ChatServiceGrpc.ChatServiceImplBase {

  /** A service over models. */
  public ChatService(ServedModels models, FeedbackSink feedback) {
    throw new UnsupportedOperationException("in work: " + models + feedback);
  }

  /**
   * Refuses new streams with UNAVAILABLE and tells running ones to finish within {@code timeLeft}.
   */
  public void drain(Duration timeLeft) {
    throw new UnsupportedOperationException("in work: " + timeLeft);
  }

  /** Ends every stream with UNAVAILABLE. */
  public void closeStreams() {
    throw new UnsupportedOperationException("in work");
  }

  /** Open streams. */
  public int streams() {
    throw new UnsupportedOperationException("in work");
  }
}
