package dev.parley.client;

/** Where the reply to one message goes. {@code text* (completed | failed)}. */
interface TurnSink {
  void text(String piece);

  void completed(Reply reply);

  void failed(ParleyException error);

  /** Whether the server should wait before it sends more. */
  default boolean full() {
    return false;
  }
}
