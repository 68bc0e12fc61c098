package dev.parley.client;

import java.time.Duration;

/** Runs things later. The clock of the watchdogs, so that tests have their own. */
interface Timers {
  /** Runs {@code task} once after {@code delay}, on another thread, unless cancelled before. */
  Timer after(Duration delay, Runnable task);

  /** A task that waits for its time. */
  interface Timer {
    /** Without effect once the task runs. */
    void cancel();
  }
}
