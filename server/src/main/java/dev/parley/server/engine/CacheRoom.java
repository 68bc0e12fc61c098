package dev.parley.server.engine;

import dev.parley.model.gpt2.KeyValueCache;

/**
 * How much memory a conversation's keys and values take, in tokens that it has room for. That is
 * more than it has cached: memory comes in blocks, and stays when tokens are forgotten.
 */
interface CacheRoom {
  /** The room of a cache after it has read on to {@code tokens}, in one call. */
  int grown(int room, int tokens);

  /** The most room of a cache after it has read on to {@code tokens}, in any number of calls. */
  int most(int room, int tokens);

  /** The room of a copy of {@code tokens}. */
  int copied(int tokens);

  /** As {@link KeyValueCache} grows. */
  static CacheRoom of(int contextLength) {
    return new CacheRoom() {
      @Override
      public int grown(int room, int tokens) {
        return KeyValueCache.grown(room, tokens, contextLength);
      }

      @Override
      public int most(int room, int tokens) {
        int before = tokens - 1; // the most that may not have been enough for the last call
        return tokens <= room ? room : KeyValueCache.grown(before, tokens, contextLength);
      }

      @Override
      public int copied(int tokens) {
        return KeyValueCache.blocks(tokens, contextLength);
      }
    };
  }
}
