package dev.parley.server.engine;

import java.util.HashMap;
import java.util.Map;

/**
 * Who has reserved room for how many tokens' keys and values. Reservations change here and nowhere
 * else; a conversation that is gone has none.
 */
final class KvLedger {
  private final int capacity;
  private final Map<Long, Integer> reserved = new HashMap<>();
  private int total;

  KvLedger(int capacity) {
    this.capacity = capacity;
  }

  /** Room that nobody has reserved. */
  int free() {
    return capacity - total;
  }

  /** Room that is reserved. */
  int total() {
    return total;
  }

  /** Room that a conversation has reserved. */
  int of(long conversation) {
    return reserved.getOrDefault(conversation, 0);
  }

  /** Sets a conversation's reservation. */
  void set(long conversation, int tokens) {
    int next = total - of(conversation) + tokens;
    if (tokens < 0 || next > capacity) {
      throw new IllegalStateException(
          "conversation %d cannot reserve %d tokens: %d of %d are taken"
              .formatted(conversation, tokens, total, capacity));
    }
    total = next;
    if (tokens == 0) {
      reserved.remove(conversation);
    } else {
      reserved.put(conversation, tokens);
    }
  }
}
