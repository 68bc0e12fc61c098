package dev.parley.client;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** One message and the reply to it, while it is under way. Guarded by the lock of its call. */
final class Turn {
  final String requestId;
  final TurnSink sink;

  /** Nobody waits for the reply any more; the server may still send some of it. */
  boolean abandoned;

  /** Abandoned while it waited behind another turn: interrupt it when its first piece comes. */
  boolean interruptAtStart;

  private Timers.@Nullable Timer watch;

  Turn(String requestId, TurnSink sink) {
    this.requestId = requestId;
    this.sink = sink;
  }

  void watch(Timers timers, Duration limit, Runnable expired) {
    unwatch();
    watch = timers.after(limit, expired);
  }

  void unwatch() {
    if (watch != null) {
      watch.cancel();
      watch = null;
    }
  }
}
