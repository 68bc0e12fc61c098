package dev.parley.server.models;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A version that is loading, loaded, or could not be loaded. Leases and the time of a failure are
 * guarded by its {@link Deployments}.
 */
final class Deployment {
  private final VersionKey key;
  private final CompletableFuture<LoadedVersion> loaded = new CompletableFuture<>();
  private final AtomicBoolean takenDown = new AtomicBoolean();
  private int leases;
  private long failedAtNanos;
  private boolean counted;

  Deployment(VersionKey key) {
    this.key = key;
  }

  VersionKey key() {
    return key;
  }

  /** Completes when the version serves, exceptionally when it cannot. */
  CompletableFuture<LoadedVersion> loaded() {
    return loaded;
  }

  boolean serves() {
    return loaded.isDone() && !failed();
  }

  /** It will not serve: loading failed, or its engine stopped. */
  boolean failed() {
    return loaded.isCompletedExceptionally() || broken();
  }

  /** It was loaded, and its engine stopped for good. */
  boolean broken() {
    return loaded.isDone()
        && !loaded.isCompletedExceptionally()
        && loaded.join().engine().failure().isPresent();
  }

  /** Closes what was loaded, once, however often and from wherever it is called. */
  void unload() {
    if (loaded.isDone()
        && !loaded.isCompletedExceptionally()
        && takenDown.compareAndSet(false, true)) {
      loaded.join().close();
    }
  }

  /** Its engine's failure is counted among {@link Restarts}; until then it is not replaced. */
  void count() {
    counted = true;
  }

  boolean counted() {
    return counted;
  }

  void failedAt(long nanos) {
    failedAtNanos = nanos;
  }

  long failedAtNanos() {
    return failedAtNanos;
  }

  int leases() {
    return leases;
  }

  void lease() {
    leases++;
  }

  void release() {
    leases--;
  }
}
