package dev.parley.client;

/** A running delivery to a listener. */
public interface Subscription {
  /**
   * Ends the delivery. What it stands for hears of it: a reply is interrupted on the server, a
   * training job that is watched goes on. The listener's last call is {@code onError} with a {@link
   * CancelledException}; without effect when the delivery has ended.
   */
  void cancel();

  /** Whether {@link #cancel} ended the delivery. */
  boolean isCancelled();
}
