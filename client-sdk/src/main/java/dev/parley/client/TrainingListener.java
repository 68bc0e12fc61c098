package dev.parley.client;

/**
 * Hears a training job: {@code onEvent* (onFinished | onError)}, one call at a time, never two at
 * once, on a thread of the run.
 */
public interface TrainingListener {
  /** The next event; the last one is final. */
  void onEvent(TrainingEvent event);

  /** The version is registered. The last call. */
  void onFinished(TrainedVersion version);

  /**
   * The job failed ({@link TrainingFailedException}), was cancelled ({@link
   * TrainingCancelledException}), or it can no longer be watched. The last call.
   */
  void onError(ParleyException error);
}
