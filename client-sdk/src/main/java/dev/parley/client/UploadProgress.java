package dev.parley.client;

/** Hears how far an upload is, on the thread that uploads. */
@FunctionalInterface
public interface UploadProgress {
  /**
   * Some more is on its way. What the server had before counts as sent; after a lost connection the
   * number may go back.
   */
  void sent(long bytes, long totalBytes);
}
