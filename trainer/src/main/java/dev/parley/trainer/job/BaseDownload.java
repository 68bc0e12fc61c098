package dev.parley.trainer.job;

import dev.parley.model.hub.HubListener;
import dev.parley.v1.BaseModelDownload;
import dev.parley.v1.TrainingUpdate;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes down how the download of a base model goes, and ends it when the job is asked to stop. */
final class BaseDownload implements HubListener {
  private static final Logger log = LoggerFactory.getLogger(BaseDownload.class);

  /** Each update is on the disk before the next one: a watcher needs no more of them. */
  private static final long PERIOD_NANOS = 1_000_000_000;

  private final Consumer<TrainingUpdate.Builder> events;
  private final BooleanSupplier stop;
  private long written = System.nanoTime() - PERIOD_NANOS;

  BaseDownload(Consumer<TrainingUpdate.Builder> events, BooleanSupplier stop) {
    this.events = events;
    this.stop = stop;
  }

  /** The job was asked to stop; what has been downloaded stays for the next one. */
  static final class StoppedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    StoppedException() {
      super("asked to stop during the download of the base model");
    }
  }

  @Override
  public void progress(Progress progress) {
    if (stop.getAsBoolean()) {
      throw new StoppedException();
    }
    long now = System.nanoTime();
    boolean whole = progress.downloadedBytes() == progress.totalBytes();
    if (whole || now - written >= PERIOD_NANOS) {
      written = now;
      events.accept(
          TrainingUpdate.newBuilder()
              .setDownload(
                  BaseModelDownload.newBuilder()
                      .setModel(progress.reference())
                      .setFile(progress.file())
                      .setDownloadedBytes(progress.downloadedBytes())
                      .setTotalBytes(progress.totalBytes())));
    }
  }

  @Override
  public void note(String message) {
    log.warn("{}", message);
  }
}
