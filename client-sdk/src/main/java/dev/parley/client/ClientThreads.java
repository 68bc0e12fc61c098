package dev.parley.client;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads of one client: one for timers, and one for each training run that is listened to.
 * Daemons, started when they are first needed.
 */
final class ClientThreads implements Timers, Executor, AutoCloseable {
  private final ScheduledThreadPoolExecutor timers =
      new ScheduledThreadPoolExecutor(1, daemons("parley-client-timer"));
  private final ExecutorService workers =
      Executors.newCachedThreadPool(daemons("parley-client-worker"));

  ClientThreads() {
    timers.setRemoveOnCancelPolicy(true);
    timers.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  @Override
  public Timer after(Duration delay, Runnable task) {
    try {
      Future<?> scheduled = timers.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
      return () -> scheduled.cancel(false);
    } catch (RejectedExecutionException closed) {
      // Closing the client has ended what the timer watched.
      return () -> {};
    }
  }

  @Override
  public void execute(Runnable task) {
    workers.execute(task);
  }

  @Override
  public void close() {
    timers.shutdown();
    workers.shutdown();
  }

  private static ThreadFactory daemons(String name) {
    AtomicInteger count = new AtomicInteger();
    return task -> {
      Thread thread = new Thread(task, name + "-" + count.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }
}
