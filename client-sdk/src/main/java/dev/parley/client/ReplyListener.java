package dev.parley.client;

/**
 * Hears a reply: {@code onText* (onCompleted | onError)}, one call at a time, never two at once.
 * Called on a thread of the client: the next piece is asked for when {@link #onText} returns, so a
 * slow listener slows the server down instead of filling memory.
 */
public interface ReplyListener {
  /** The next piece of the reply; never half a character. */
  void onText(String piece);

  /** The reply is whole. The last call. */
  void onCompleted(Reply reply);

  /** The turn failed, was cancelled, or the conversation ended. The last call. */
  void onError(ParleyException error);
}
