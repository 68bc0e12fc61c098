package dev.parley.server.engine;

import java.util.Arrays;

/**
 * The tokens whose keys and values a conversation has, entered in the engine's {@link PrefixIndex}
 * while it has them. Owned by the engine thread.
 */
final class CachedTokens {
  final long conversation;
  private final PrefixIndex index;
  private TokenBuffer tokens = new TokenBuffer();

  /** Of each whole block, for taking it out of the index. */
  private long[] keys = new long[0];

  /** Of all tokens. */
  private long key;

  CachedTokens(long conversation, PrefixIndex index) {
    this.conversation = conversation;
    this.index = index;
  }

  int size() {
    return tokens.size();
  }

  void addAll(int... more) {
    for (int token : more) {
      tokens.add(token);
      key = PrefixIndex.extend(key, token);
      if (tokens.size() % PrefixIndex.BLOCK == 0) {
        enter(tokens.size() / PrefixIndex.BLOCK - 1);
      }
    }
  }

  private void enter(int block) {
    if (block == keys.length) {
      keys = Arrays.copyOf(keys, Math.max(4, 2 * block));
    }
    keys[block] = key;
    index.add(key, this);
  }

  /** Forgets every token after the first {@code kept}. */
  void truncate(int kept) {
    int blocks = kept / PrefixIndex.BLOCK;
    for (int block = blocks; block < tokens.size() / PrefixIndex.BLOCK; block++) {
      index.remove(keys[block], this);
    }
    tokens.truncate(kept);
    key = blocks == 0 ? 0 : keys[blocks - 1];
    for (int at = blocks * PrefixIndex.BLOCK; at < kept; at++) {
      key = PrefixIndex.extend(key, tokens.get(at));
    }
  }

  /** Forgets every token, and the memory for them. */
  void clear() {
    truncate(0);
    tokens = new TokenBuffer();
    keys = new long[0];
  }

  /** The first {@code count} tokens. */
  int[] first(int count) {
    return tokens.slice(0, count);
  }

  /** How many tokens at the front are the same. */
  int commonPrefix(TokenBuffer other) {
    return tokens.commonPrefix(other);
  }
}
