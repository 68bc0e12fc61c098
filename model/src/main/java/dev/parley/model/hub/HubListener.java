package dev.parley.model.hub;

/**
 * Hears how a download goes, on the thread that asked for it. An exception thrown here ends the
 * download; what has been downloaded is kept for the next one.
 */
public interface HubListener {
  /** Hears nothing. */
  HubListener NONE = progress -> {};

  /**
   * How far it is; about ten times a second, also while another process downloads.
   *
   * @param progress of all files of the model that were not here yet
   */
  void progress(Progress progress);

  /** Something to know: an old copy is used, a connection broke and is tried again. */
  default void note(String message) {}

  /**
   * How far a download is.
   *
   * @param reference the model with its commit
   * @param file that is being downloaded
   * @param downloadedBytes of all files
   * @param totalBytes of all files
   */
  record Progress(String reference, String file, long downloadedBytes, long totalBytes) {}
}
