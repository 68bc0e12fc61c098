package dev.parley.model.gpt2;

import java.util.Arrays;

/**
 * The keys and values of one conversation, in blocks that it takes one by one as it grows. No other
 * conversation's cache is touched when it joins, grows or leaves. Owned by the engine thread.
 */
public final class KeyValueCache implements AutoCloseable {
  private final KeyValueBlocks blocks;
  private int[] taken = new int[4];
  private int blockCount;
  private int length;

  /** An empty cache. */
  KeyValueCache(KeyValueBlocks blocks) {
    this.blocks = blocks;
  }

  /** Tokens that are cached. */
  public int length() {
    return length;
  }

  /** Bytes of native memory, but for what the last block holds beyond a full context. */
  public long sizeBytes() {
    return blocks.bytesPerToken()
        * room(blockCount * KeyValueBlocks.TOKENS, blocks.contextLength());
  }

  /** The tokens that a cache of so many has room for: whole blocks, up to a full context. */
  public static int room(int tokens, int contextLength) {
    return Math.min(KeyValueBlocks.blocksOf(tokens) * KeyValueBlocks.TOKENS, contextLength);
  }

  /** Forgets every token after the first {@code kept}; the memory stays. */
  public void truncate(int kept) {
    if (kept < 0 || kept > length) {
      throw new IllegalArgumentException("cannot keep %d of %d tokens".formatted(kept, length));
    }
    length = kept;
  }

  /**
   * Replaces what is cached by the beginning of another conversation with the same model, as if its
   * tokens had been read here. The other cache does not change.
   *
   * @param tokens 1 to {@code source.length()}
   */
  public void copyPrefix(KeyValueCache source, int tokens) {
    if (tokens < 1 || tokens > source.length) {
      throw new IllegalArgumentException(
          "cannot copy %d of %d tokens".formatted(tokens, source.length));
    }
    source.requireIn(blocks);
    int needed = KeyValueBlocks.blocksOf(tokens);
    take(needed);
    length = 0; // until they are copied
    blocks.copy(Arrays.copyOf(source.taken, needed), Arrays.copyOf(taken, needed));
    giveBack(needed);
    length = tokens;
  }

  /**
   * Makes room for so many more tokens.
   *
   * @throws IllegalArgumentException if they exceed the context; nothing has changed then
   */
  void reserve(int tokens) {
    int needed = length + tokens;
    if (needed > blocks.contextLength()) {
      throw new IllegalArgumentException(
          "%d cached and %d new tokens exceed the context of %d"
              .formatted(length, tokens, blocks.contextLength()));
    }
    take(KeyValueBlocks.blocksOf(needed));
  }

  private void take(int needed) {
    if (needed > taken.length) {
      taken = Arrays.copyOf(taken, Math.max(needed, 2 * taken.length));
    }
    while (blockCount < needed) {
      taken[blockCount] = blocks.take();
      blockCount++;
    }
  }

  /** The last ones first: who takes them next gets them in order, and neighbours read faster. */
  private void giveBack(int kept) {
    while (blockCount > kept) {
      blockCount--;
      blocks.giveBack(taken[blockCount]);
    }
  }

  /** Checks that this cache is one of a decoder's. */
  void requireIn(KeyValueBlocks others) {
    if (blocks != others) {
      throw new IllegalArgumentException("the cache is one of another decoder");
    }
  }

  void advance(int tokens) {
    length += tokens;
  }

  /** The block that a token is in, or will be. */
  int block(int token) {
    return taken[token / KeyValueBlocks.TOKENS];
  }

  @Override
  public void close() {
    giveBack(0);
    length = 0;
  }
}
