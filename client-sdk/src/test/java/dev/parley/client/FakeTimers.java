package dev.parley.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Time that moves when a test says so. */
final class FakeTimers implements Timers {
  private record Entry(Duration due, Runnable task) {}

  private final List<Entry> entries = new ArrayList<>();
  private Duration now = Duration.ZERO;

  @Override
  public synchronized Timer after(Duration delay, Runnable task) {
    Entry entry = new Entry(now.plus(delay), task);
    entries.add(entry);
    return () -> {
      synchronized (this) {
        entries.remove(entry);
        notifyAll();
      }
    };
  }

  /** How many timers run. */
  synchronized int running() {
    return entries.size();
  }

  /** Waits until this many timers run. */
  synchronized void awaitRunning(int count) {
    while (entries.size() != count) {
      try {
        wait();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  void advance(Duration time) {
    List<Entry> due;
    synchronized (this) {
      now = now.plus(time);
      due = entries.stream().filter(entry -> entry.due().compareTo(now) <= 0).toList();
      entries.removeAll(due);
    }
    due.forEach(entry -> entry.task().run());
  }
}
