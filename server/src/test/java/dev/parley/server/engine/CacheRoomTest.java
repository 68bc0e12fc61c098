package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.KeyValueCache;
import dev.parley.model.gpt2.Precision;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the scheduler believes about memory, against that of real caches. */
class CacheRoomTest {
  private static final int CONTEXT = 500; // no whole number of blocks

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void room_anyWayToReadAContext_isTheRoomOfARealCache(long seed) {
    Gpt2Config config = TinyModel.config(CONTEXT);
    CacheRoom rooms = CacheRoom.of(CONTEXT);
    long bytesPerToken = Precision.FP32.cacheBytesPerToken(config, TinyModel.device());
    SplittableRandom random = new SplittableRandom(seed);
    int longest = 1 + random.nextInt(200);
    try (Gpt2Decoder decoder = TinyModel.decoder(CONTEXT);
        KeyValueCache source = decoder.newCache();
        KeyValueCache cache = decoder.newCache()) {
      if (seed % 2 == 0) {
        int shared = 1 + random.nextInt(200);
        read(decoder, cache, 1 + random.nextInt(200));
        read(decoder, source, shared);
        cache.copyPrefix(source, shared);
        assertThat(cache.sizeBytes()).isEqualTo(rooms.room(shared) * bytesPerToken);
      }
      while (cache.length() < CONTEXT) {
        read(decoder, cache, Math.min(1 + random.nextInt(longest), CONTEXT - cache.length()));

        assertThat(cache.sizeBytes())
            .as("room for %d tokens", cache.length())
            .isEqualTo(rooms.room(cache.length()) * bytesPerToken);
      }
      assertThat(rooms.room(CONTEXT)).isEqualTo(CONTEXT);
    }
  }

  private static void read(Gpt2Decoder decoder, KeyValueCache cache, int tokens) {
    decoder.step(List.of(new Gpt2Decoder.Row(cache, new int[tokens], List.of()))).close();
  }
}
