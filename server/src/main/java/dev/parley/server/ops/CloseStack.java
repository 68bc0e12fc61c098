package dev.parley.server.ops;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What has been opened so far, closed in the opposite order, each once. */
final class CloseStack implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(CloseStack.class);

  private final Deque<AutoCloseable> parts = new ArrayDeque<>();

  <T extends AutoCloseable> T add(T part) {
    parts.push(part);
    return part;
  }

  <T> T add(T part, Consumer<T> closer) {
    parts.push(() -> closer.accept(part));
    return part;
  }

  /** Closes everything, also what comes after a part that cannot be closed. */
  @Override
  public void close() {
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        log.error("a part of the server cannot be closed", e);
      }
    }
  }
}
