package dev.parley.server.engine;

import java.util.function.Supplier;

/** A conversation in an engine. Thread-safe; no method blocks. */
public interface Conversation extends AutoCloseable {
  /** Queues a turn. */
  void submit(Supplier<TurnRequest> request, TurnSink sink);

  /** Ends the reply under way at the next step boundary. */
  void interrupt();

  @Override
  void close();
}
