package dev.parley.cli;

import dev.parley.model.hub.HubListener;
import java.util.Locale;

/**
 * Shows a download from a hub: a progress bar in a terminal; elsewhere that it begins, and what
 * went wrong on the way.
 */
final class HubView implements HubListener {
  private static final double MEGABYTE = 1e6;

  private final Output out;
  private final ProgressBar bar;
  private String announced = "";
  private long start;
  private long startBytes;

  HubView(Output out, ProgressBar bar) {
    this.out = out;
    this.bar = bar;
  }

  @Override
  public void progress(Progress progress) {
    if (!announced.equals(progress.reference() + progress.totalBytes())) {
      announced = progress.reference() + progress.totalBytes();
      start = System.nanoTime();
      startBytes = progress.downloadedBytes();
      note("downloading %s (%s)".formatted(progress.reference(), megabytes(progress.totalBytes())));
    }
    if (out.isTerminal() && !out.json()) {
      double seconds = Math.max(1e-3, (System.nanoTime() - start) / 1e9);
      bar.show(
          progress.downloadedBytes(),
          progress.totalBytes(),
          "%s  %s of %s  %.1f MB/s"
              .formatted(
                  progress.file(),
                  megabytes(progress.downloadedBytes()),
                  megabytes(progress.totalBytes()),
                  (progress.downloadedBytes() - startBytes) / MEGABYTE / seconds));
    }
  }

  @Override
  public void note(String message) {
    bar.interrupt();
    out.note(message);
  }

  private static String megabytes(long bytes) {
    return String.format(Locale.ROOT, bytes < 1e8 ? "%.1f MB" : "%.0f MB", bytes / MEGABYTE);
  }
}
