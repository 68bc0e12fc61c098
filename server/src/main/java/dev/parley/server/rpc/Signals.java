package dev.parley.server.rpc;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Those who want to hear that something happened, without being told what. Thread-safe. */
public final class Signals {
  private final List<Runnable> receivers = new CopyOnWriteArrayList<>();

  /** Calls {@code receiver} from now on; it must return at once. */
  public void add(Runnable receiver) {
    receivers.add(receiver);
  }

  /** Calls it no more. */
  public void remove(Runnable receiver) {
    receivers.remove(receiver);
  }

  /** Calls everyone. */
  public void send() {
    receivers.forEach(Runnable::run);
  }

  /** How many are called. */
  public int receivers() {
    return receivers.size();
  }
}
