package dev.parley.server.engine;

import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commands for the engine thread, in order. Many threads post, one takes; nobody holds the lock
 * while a command runs.
 */
final class Mailbox {
  private static final Logger log = LoggerFactory.getLogger(Mailbox.class);
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private final Queue<Runnable> commands = new ArrayDeque<>();
  private boolean stopping;
  private boolean closed;

  /** Leaves a command; false where nobody will run it any more. */
  boolean post(Runnable command) {
    lock.lock();
    try {
      if (stopping || closed) {
        return false;
      }
      commands.add(command);
      arrived.signal();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Lets {@link #await} return false once the commands before are run. */
  void stop() {
    lock.lock();
    try {
      stopping = true;
      arrived.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Takes nothing any more, and runs what was posted before, come what may. */
  void close() {
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
    for (Runnable command = poll(); command != null; command = poll()) {
      try {
        command.run();
      } catch (Throwable e) { // whoever waits for a later one is told
        log.error("a command of a stopped engine failed", e);
      }
    }
  }

  /**
   * Waits for commands until a time, then runs them all.
   *
   * @param until a time of {@code clock}; a time that has come does not wait
   * @return false after {@link #stop}
   */
  boolean await(long until, LongSupplier clock) throws InterruptedException {
    lock.lock();
    try {
      while (commands.isEmpty() && !stopping) {
        long left = until - clock.getAsLong();
        if (until == TurnRequest.NEVER) {
          arrived.await();
        } else if (left <= 0 || !arrived.await(left, TimeUnit.NANOSECONDS)) {
          break;
        }
      }
    } finally {
      lock.unlock();
    }
    for (int left = size(); left > 0; left--) {
      Objects.requireNonNull(poll()).run();
    }
    lock.lock();
    try {
      return !stopping;
    } finally {
      lock.unlock();
    }
  }

  private int size() {
    lock.lock();
    try {
      return commands.size();
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Runnable poll() {
    lock.lock();
    try {
      return commands.poll();
    } finally {
      lock.unlock();
    }
  }
}
