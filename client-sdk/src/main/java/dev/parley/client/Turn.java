package dev.parley.client;

import java.time.Duration;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** One message and the reply to it, while it is under way. Guarded by the lock of its call. */
final class Turn {
  final String requestId;
  final TurnSink sink;

  /** Nobody waits for the reply any more; the server may still send some of it. */
  boolean abandoned;

  private Timers.@Nullable Timer watch;
  private int watches;

  Turn(String requestId, TurnSink sink) {
    this.requestId = requestId;
    this.sink = sink;
  }

  void watch(Timers timers, Duration limit, IntConsumer expired) {
    unwatch();
    int number = ++watches;
    watch = timers.after(limit, () -> expired.accept(number));
  }

  /** Whether this is the watch that runs, and not one that was called off too late. */
  boolean isWatch(int number) {
    return watch != null && watches == number;
  }

  void unwatch() {
    if (watch != null) {
      watch.cancel();
      watch = null;
    }
  }
}
