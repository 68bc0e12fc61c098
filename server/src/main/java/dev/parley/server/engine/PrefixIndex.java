package dev.parley.server.engine;

import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which conversation has the longest beginning of some tokens cached, whoever said them.
 *
 * <p>Cached tokens are entered block by block: the key of a block is a hash of all tokens up to its
 * end, so that equal keys mean equal beginnings, but for a collision, which {@link #longest} finds
 * out by comparing the tokens themselves. Whoever has a block's key has those of the blocks before
 * it. A look-up costs one pass over the tokens, however many conversations there are; a token that
 * is read costs one multiplication, and every {@value #BLOCK}th one an entry. Owned by the engine
 * thread.
 */
final class PrefixIndex {
  /** Shorter beginnings are read again as fast as they are copied. */
  static final int BLOCK = 16;

  private static final long FACTOR = 0x9E3779B97F4A7C15L; // 2^64 / golden ratio, odd

  private final Map<Long, Set<CachedTokens>> holders = new HashMap<>();

  /** The key of a beginning that is longer by a token. */
  static long extend(long key, int token) {
    long mixed = (key ^ token) * FACTOR;
    return mixed ^ (mixed >>> 29);
  }

  void add(long key, CachedTokens holder) {
    holders.computeIfAbsent(key, k -> new LinkedHashSet<>()).add(holder);
  }

  void remove(long key, CachedTokens holder) {
    Set<CachedTokens> all = holders.get(key);
    if (all != null && all.remove(holder) && all.isEmpty()) {
      holders.remove(key);
    }
  }

  /**
   * The cached tokens that begin like {@code tokens} for the longest, by whole blocks.
   *
   * @param but are not looked at
   * @return empty where nothing else begins with the same block
   */
  Optional<CachedTokens> longest(TokenBuffer tokens, CachedTokens but) {
    @Nullable CachedTokens best = null;
    long key = 0;
    for (int at = 0; at < tokens.size(); at++) {
      key = extend(key, tokens.get(at));
      if ((at + 1) % BLOCK != 0) {
        continue;
      }
      CachedTokens holder = other(holders.get(key), but);
      if (holder == null) {
        break;
      }
      best = holder;
    }
    return Optional.ofNullable(best);
  }

  private static @Nullable CachedTokens other(
      @Nullable Collection<CachedTokens> all, CachedTokens but) {
    if (all == null) {
      return null;
    }
    for (CachedTokens holder : all) { // at most two
      if (holder != but) {
        return holder;
      }
    }
    return null;
  }

  /** Keys that are entered. */
  int size() {
    return holders.size();
  }
}
