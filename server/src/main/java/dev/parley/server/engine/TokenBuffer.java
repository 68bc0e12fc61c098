package dev.parley.server.engine;

import java.util.Arrays;
import java.util.stream.IntStream;

/** A growing list of token ids. */
final class TokenBuffer {
  private int[] ids;
  private int size;

  TokenBuffer(int... ids) {
    this.ids = ids.clone();
    this.size = ids.length;
  }

  int size() {
    return size;
  }

  int get(int index) {
    if (index < 0 || index >= size) {
      throw new IndexOutOfBoundsException("token %d of %d".formatted(index, size));
    }
    return ids[index];
  }

  void add(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, Math.max(16, 2 * size));
    }
    ids[size++] = id;
  }

  void addAll(int... more) {
    for (int id : more) {
      add(id);
    }
  }

  /** Forgets every token after the first {@code kept}. */
  void truncate(int kept) {
    if (kept < 0 || kept > size) {
      throw new IllegalArgumentException("cannot keep %d of %d tokens".formatted(kept, size));
    }
    size = kept;
  }

  /** The tokens from {@code from} on, {@code to} not included. */
  int[] slice(int from, int to) {
    if (to > size) {
      throw new IndexOutOfBoundsException("token %d of %d".formatted(to, size));
    }
    return Arrays.copyOfRange(ids, from, to);
  }

  /** The tokens from {@code from} on. */
  IntStream stream(int from) {
    return Arrays.stream(ids, from, size);
  }

  /** How many tokens at the front are the same. */
  int commonPrefix(TokenBuffer other) {
    int mismatch = Arrays.mismatch(ids, 0, size, other.ids, 0, other.size);
    return mismatch < 0 ? size : mismatch;
  }

  /** Whether {@code tokens[0..count)} stand right before {@code end}. */
  boolean endsWith(int end, int[] tokens, int count) {
    return end >= count && Arrays.equals(ids, end - count, end, tokens, 0, count);
  }
}
