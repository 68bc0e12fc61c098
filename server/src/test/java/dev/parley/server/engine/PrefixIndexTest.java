package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrefixIndexTest {
  private final PrefixIndex index = new PrefixIndex();

  private CachedTokens cached(long conversation, int... tokens) {
    CachedTokens cached = new CachedTokens(conversation, index);
    cached.addAll(tokens);
    return cached;
  }

  private static int[] tokens(int seed, int count) {
    return new SplittableRandom(seed).ints(count, 0, 300).toArray();
  }

  @Test
  void longest_severalBeginAlike_theOneThatGoesOnLongest() {
    int[] said = tokens(1, 200);
    cached(1, Arrays.copyOf(said, 50));
    CachedTokens longest = cached(2, Arrays.copyOf(said, 120));
    cached(3, tokens(2, 200));

    assertThat(index.longest(new TokenBuffer(said), cached(4))).containsSame(longest);
    assertThat(longest.commonPrefix(new TokenBuffer(said))).isEqualTo(120);
  }

  @Test
  void longest_onlyOwnTokens_isEmpty() {
    CachedTokens own = cached(1, tokens(1, 60));

    assertThat(index.longest(new TokenBuffer(tokens(1, 90)), own)).isEmpty();
    assertThat(index.longest(new TokenBuffer(tokens(1, 90)), cached(2))).containsSame(own);
  }

  @Test
  void longest_sameTokensLater_areNoBeginning() {
    int[] said = tokens(1, 64);
    CachedTokens later = cached(1, 7);
    later.addAll(said);

    assertThat(index.longest(new TokenBuffer(said), cached(2))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void longest_randomSequencesThatGrowAndShrink_asComparingThemAll(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<CachedTokens> all = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      all.add(cached(i));
    }
    CachedTokens own = cached(99);
    int found = 0;
    for (int step = 0; step < 3_000; step++) {
      CachedTokens one = all.get(random.nextInt(all.size()));
      if (random.nextInt(3) == 0) {
        one.truncate(random.nextInt(one.size() + 1));
      } else if (one.size() < 150) {
        one.addAll(random.ints(1 + random.nextInt(30), 0, 2).map(i -> i * i).toArray());
      }
      if (random.nextInt(10) == 0) { // a continuation of another one
        CachedTokens from = all.get(random.nextInt(all.size()));
        int[] begin = from.first(random.nextInt(from.size() + 1));
        one.clear();
        one.addAll(begin);
      }
      CachedTokens model = all.get(random.nextInt(all.size()));
      TokenBuffer wanted = new TokenBuffer(model.first(model.size()));
      wanted.addAll(random.ints(5, 0, 2).toArray());

      int best = all.stream().mapToInt(c -> c.commonPrefix(wanted)).max().orElseThrow();
      int longest = index.longest(wanted, own).map(c -> c.commonPrefix(wanted)).orElse(0);

      assertThat(longest / PrefixIndex.BLOCK)
          .as("blocks, seed %d step %d", seed, step)
          .isEqualTo(best / PrefixIndex.BLOCK);
      found += longest > 0 ? 1 : 0;
    }
    assertThat(found).isGreaterThan(1_000);
    all.forEach(CachedTokens::clear);
    assertThat(index.size()).as("keys that are left").isZero();
  }
}
