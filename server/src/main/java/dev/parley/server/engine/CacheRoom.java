package dev.parley.server.engine;

import dev.parley.model.gpt2.KeyValueCache;

/**
 * How much memory a conversation's keys and values take, in tokens that it has room for. That is
 * more than it has cached: memory comes in blocks, and stays when tokens are forgotten.
 */
@FunctionalInterface
interface CacheRoom {
  /** The least room that holds so many tokens. */
  int room(int tokens);

  /** As {@link KeyValueCache} takes it. */
  static CacheRoom of(int contextLength) {
    return tokens -> KeyValueCache.room(tokens, contextLength);
  }
}
