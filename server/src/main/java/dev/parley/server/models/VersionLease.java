package dev.parley.server.models;

import dev.parley.model.text.Tokenizer;
import dev.parley.server.chat.ServedModels.Lease;
import dev.parley.server.engine.ChatEngine;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.ServedModel;
import java.util.concurrent.atomic.AtomicBoolean;

/** A conversation's hold on a version in memory. Thread-safe. */
final class VersionLease implements Lease {
  private final LoadedVersion loaded;
  private final boolean canary;
  private final Runnable release;
  private final AtomicBoolean released = new AtomicBoolean();

  /**
   * A lease that is counted already.
   *
   * @param canary whether the conversation was drawn for it
   * @param release counts it down, once
   */
  VersionLease(LoadedVersion loaded, boolean canary, Runnable release) {
    this.loaded = loaded;
    this.canary = canary;
    this.release = release;
  }

  @Override
  public ServedModel identity() {
    return loaded.identity();
  }

  @Override
  public Tokenizer tokenizer() {
    return loaded.tokenizer();
  }

  @Override
  public ChatEngine engine() {
    return loaded.engine();
  }

  @Override
  public GenerationParameters defaults() {
    return loaded.defaults();
  }

  @Override
  public boolean canary() {
    return canary;
  }

  @Override
  public void close() {
    if (released.compareAndSet(false, true)) {
      release.run();
    }
  }
}
