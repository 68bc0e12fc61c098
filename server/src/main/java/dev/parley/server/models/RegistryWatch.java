package dev.parley.server.models;

import dev.parley.server.rpc.Signals;
import dev.parley.v1.Model;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the registry every second, since trainers and commands in other processes change it, and
 * keeps deployments in step. A look costs some directory listings; unlike file system events it
 * also works on shared storage. Thread-safe.
 */
public final class RegistryWatch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(RegistryWatch.class);
  private static final Duration LOOK = Duration.ofSeconds(1);

  private final ModelCatalog catalog;
  private final Deployments deployments;
  private final Signals changes = new Signals();
  private final Signals looks = new Signals();
  private volatile List<Model> models;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "registry-watch");
            thread.setDaemon(true);
            return thread;
          });

  /** Begins to look. */
  public RegistryWatch(ModelCatalog catalog, Deployments deployments) {
    this.catalog = catalog;
    this.deployments = deployments;
    this.models = catalog.models();
    Future<?> unused = // it ends with the executor
        thread.scheduleWithFixedDelay(this::look, 0, LOOK.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Every model at the last look, in alphabetical order. */
  public List<Model> models() {
    return models;
  }

  /** Sent after each look that found a change. */
  public Signals changes() {
    return changes;
  }

  /** Sent after each look, whatever it found. */
  public Signals looks() {
    return looks;
  }

  /** Looks at once, because something was changed by this process. */
  public void lookNow() {
    thread.execute(this::look);
  }

  private void look() {
    try {
      List<Model> now = catalog.models();
      boolean changed = !now.equals(models);
      models = now;
      deployments.refresh();
      if (changed) {
        changes.send();
      }
      looks.send();
    } catch (Throwable e) { // an error, too, would end the looking for good, without a word
      log.error("the registry cannot be read; what is loaded goes on", e);
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
