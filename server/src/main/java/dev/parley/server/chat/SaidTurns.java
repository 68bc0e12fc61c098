package dev.parley.server.chat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The latest complete turns of a stream, for feedback on them. Thread-safe. */
final class SaidTurns {
  /** A bound for the memory of a stream that never ends. */
  static final int KEPT = 100;

  private final Map<Integer, Said> turns =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, Said> eldest) {
          return size() > KEPT;
        }
      };

  /** A message and its reply. */
  record Said(String requestId, String message, String reply) {}

  synchronized void add(int turn, Said said) {
    turns.put(turn, said);
  }

  synchronized Optional<Said> get(int turn) {
    return Optional.ofNullable(turns.get(turn));
  }
}
