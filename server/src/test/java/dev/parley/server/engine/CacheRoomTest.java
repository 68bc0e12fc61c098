package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
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
  void grown_anyWayToReadAContext_isTheRoomOfARealCache(long seed) {
    Gpt2Config config = TinyModel.config(CONTEXT);
    CacheRoom rooms = CacheRoom.of(CONTEXT);
    long bytesPerToken = Precision.FP32.cacheBytesPerToken(config, Device.cpu());
    SplittableRandom random = new SplittableRandom(seed);
    int longest = 1 + random.nextInt(200);
    try (Gpt2Decoder decoder = TinyModel.decoder(CONTEXT);
        KeyValueCache source = decoder.newCache();
        KeyValueCache cache = decoder.newCache()) {
      int room = 0;
      if (seed % 2 == 0) {
        int shared = 1 + random.nextInt(200);
        read(decoder, source, shared);
        cache.copyPrefix(source, shared);
        room = rooms.copied(shared);
        assertThat(cache.sizeBytes()).isEqualTo(room * bytesPerToken);
      }
      int most = rooms.most(room, CONTEXT);
      while (cache.length() < CONTEXT) {
        int tokens = Math.min(1 + random.nextInt(longest), CONTEXT - cache.length());
        int mostNow = rooms.most(room, cache.length() + tokens);
        read(decoder, cache, tokens);
        room = rooms.grown(room, cache.length());

        assertThat(cache.sizeBytes())
            .as("room for %d tokens", cache.length())
            .isEqualTo(room * bytesPerToken)
            .isLessThanOrEqualTo(mostNow * bytesPerToken);
      }
      assertThat(room).isLessThanOrEqualTo(most);
    }
  }

  private static void read(Gpt2Decoder decoder, KeyValueCache cache, int tokens) {
    decoder.step(List.of(new Gpt2Decoder.Row(cache, new int[tokens], List.of()))).close();
  }
}
