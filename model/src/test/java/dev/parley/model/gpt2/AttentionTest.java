package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Decoder.Row;
import dev.parley.model.torch.NativeKernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Attention over blocks, of every device (that of a GPU runs on a CPU as well, but for its kernel),
 * against a prompt that is read in one call, on a CPU by libtorch's own attention, which takes
 * nothing from the blocks.
 */
class AttentionTest {
  private static final Gpt2Config CONFIG = new Gpt2Config(300, 250, 32, 2, 4, 1e-5, 0.6, 0, 0);
  private static final float LIMIT = 1e-4f;

  /** So many short ones that they make a group of their own. */
  private static final int[] LENGTHS = {
    1, 7, 63, 64, 65, 66, 100, 127, 128, 129, 190, 250, 3, 5, 8, 9, 15, 16, 17, 20, 30, 40, 50, 60
  };

  /** The kernels, and by how much their logits may be off. */
  private record Case(String name, Precision.Kernels kernels, float limit) {
    Gpt2Decoder decoder(Gpt2Weights weights) {
      return Gpt2Decoder.load(weights, Precision.REFERENCE, kernels);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static final Case GATHERED =
      new Case("gathered", Precision.plain(DataType.FLOAT32, true), LIMIT);

  private static Precision.Kernels oracle() {
    Precision.Kernels own = Precision.plain(DataType.FLOAT32, Golden.device().isGpu());
    return Golden.device().isGpu()
        ? own
        : own.withAttention(
            Precision.attention(false, DataType.BFLOAT16), // the sources; the types are fp32
            own.prompts());
  }

  private static Stream<Case> kernels() {
    if (Golden.device().isGpu()) {
      return Stream.of(
          GATHERED,
          new Case("fp16", Precision.plain(DataType.FLOAT16, true), 0.1f),
          new Case("bf16", Precision.plain(DataType.BFLOAT16, true), 1f));
    }
    Precision.Kernels cpu = Precision.plain(DataType.FLOAT32, false);
    Stream<Case> own =
        NativeKernels.available()
            ? Stream.of(
                new Case("native, fp32", Precision.withNativeAttention(cpu), LIMIT),
                new Case(
                    "native, int16",
                    Precision.withNativeAttention(withTypes(cpu, DataType.INT16, DataType.FLOAT32)),
                    0.01f))
            : Stream.of();
    return Stream.concat(own, libtorchs(cpu));
  }

  private static Stream<Case> libtorchs(Precision.Kernels cpu) {
    return Stream.of(
        new Case("bags of fp32", cpu, LIMIT),
        new Case("bags of fp16", withTypes(cpu, DataType.FLOAT16, DataType.FLOAT32), 0.1f),
        new Case("bf16 prompts", withTypes(cpu, DataType.FLOAT16, DataType.BFLOAT16), 0.5f),
        GATHERED);
  }

  private static Precision.Kernels withTypes(
      Precision.Kernels kernels, DataType cache, DataType prompts) {
    return kernels.withCache(cache).withAttention(Precision.attention(false, prompts), prompts);
  }

  /**
   * Rows of all lengths in one call, whose last 1, 2, 5, 9, 70 and 250 tokens come after what is
   * cached.
   */
  @ParameterizedTest
  @MethodSource("kernels")
  void step_rowsOfAllLengths_eachAsReadAtOnce(Case kernels) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Gpt2Weights.random(CONFIG, 7, scope);
        Gpt2Decoder decoder = kernels.decoder(weights);
        Gpt2Decoder oracle = Gpt2Decoder.load(weights, Precision.REFERENCE, oracle())) {
      for (int fresh : new int[] {1, 2, 5, 9, 70, 250}) {
        List<int[]> sequences = sequences();
        List<KeyValueCache> caches = new ArrayList<>();
        List<Row> rows = new ArrayList<>();
        for (int[] sequence : sequences) {
          KeyValueCache cache = decoder.newCache();
          caches.add(cache);
          int past = Math.max(0, sequence.length - fresh);
          for (int from = 0; from < past; from += 100) {
            int[] part = Arrays.copyOfRange(sequence, from, Math.min(past, from + 100));
            decoder.step(List.of(new Row(cache, part, false))).close();
          }
          rows.add(new Row(cache, Arrays.copyOfRange(sequence, past, sequence.length), true));
        }
        try (StepLogits logits = decoder.step(rows)) {
          for (int r = 0; r < rows.size(); r++) {
            int[] sequence = sequences.get(r);
            assertThat(logits.row(r).get(0).whole())
                .as("%d tokens, the last %d of them new", sequence.length, fresh)
                .containsExactly(
                    oracle.logits(sequence)[sequence.length - 1], Offset.offset(kernels.limit));
          }
        }
        caches.forEach(KeyValueCache::close);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void step_afterAPrefixOfAnotherCache_asIfItHadBeenRead(Case kernels) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Gpt2Weights.random(CONFIG, 7, scope);
        Gpt2Decoder decoder = kernels.decoder(weights);
        KeyValueCache read = decoder.newCache();
        KeyValueCache copy = decoder.newCache()) {
      int[] sequence = sequences().get(5);
      decoder.step(List.of(new Row(read, sequence, false))).close();
      copy.copyPrefix(read, sequence.length - 3);
      assertEnd(decoder, copy, sequence, kernels.limit);
    }
  }

  /** The second conversation finds no block left. */
  @ParameterizedTest
  @MethodSource("kernels")
  void step_tablesThatGrow_keepsWhatIsCached(Case kernels) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Gpt2Weights.random(CONFIG, 7, scope);
        Gpt2Decoder decoder = kernels.decoder(weights);
        KeyValueCache first = decoder.newCache();
        KeyValueCache second = decoder.newCache()) {
      decoder.reserve(64); // room for two blocks; three are taken
      int[] sequence = sequences().get(5);
      decoder.step(List.of(new Row(first, Arrays.copyOf(sequence, 40), false))).close();
      decoder.step(List.of(new Row(second, Arrays.copyOf(sequence, 90), false))).close();
      assertEnd(decoder, first, sequence, kernels.limit);
    }
  }

  /** What a cache lacks of a sequence is read, and ends like the sequence read at once. */
  private static void assertEnd(
      Gpt2Decoder decoder, KeyValueCache cache, int[] sequence, float limit) {
    int[] rest = Arrays.copyOfRange(sequence, cache.length(), sequence.length);
    try (StepLogits logits = decoder.step(List.of(new Row(cache, rest, true)))) {
      assertThat(logits.row(0).get(0).whole())
          .containsExactly(decoder.logits(sequence)[sequence.length - 1], Offset.offset(limit));
    }
  }

  /** A GPU would be lost to the process. */
  @Test
  void step_tokenOutsideTheVocabulary_isRefusedAndNothingIsRead() {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Gpt2Weights.random(CONFIG, 7, scope);
        Gpt2Decoder decoder = Gpt2Decoder.load(weights, Precision.FP32);
        KeyValueCache good = decoder.newCache();
        KeyValueCache bad = decoder.newCache()) {
      List<Row> rows =
          List.of(new Row(good, new int[] {299}, true), new Row(bad, new int[] {1, 300}, true));

      assertThatThrownBy(() -> decoder.step(rows))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("token 300 is outside the vocabulary of 300");
      assertThatThrownBy(
              () -> decoder.scores(List.of(new Gpt2Decoder.Scored(new int[] {1, 300}, 1))))
          .hasMessage("token 300 is outside the vocabulary of 300");
      assertThat(good.length()).isZero();
    }
  }

  @Test
  void step_cacheOfAnotherDecoder_isRefused() {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Gpt2Weights.random(CONFIG, 7, scope);
        Gpt2Decoder decoder = Gpt2Decoder.load(weights, Precision.FP32);
        Gpt2Decoder other = Gpt2Decoder.load(weights, Precision.FP32);
        KeyValueCache foreign = other.newCache();
        KeyValueCache own = decoder.newCache()) {
      other.step(List.of(new Row(foreign, new int[3], false))).close();

      assertThatThrownBy(() -> decoder.step(List.of(new Row(foreign, new int[1], true))))
          .hasMessage("the cache is one of another decoder");
      assertThatThrownBy(() -> own.copyPrefix(foreign, 2))
          .hasMessage("the cache is one of another decoder");
      assertThat(foreign.length()).isEqualTo(3);
    }
  }

  /** Whose blocks are given back twice would share them with the next one. */
  @Test
  void close_twice_nextConversationsHaveBlocksOfTheirOwn() {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Gpt2Weights.random(CONFIG, 7, scope);
        Gpt2Decoder decoder = Gpt2Decoder.load(weights, Precision.FP32)) {
      KeyValueCache gone = decoder.newCache();
      decoder.step(List.of(new Row(gone, new int[70], false))).close();
      gone.close();
      gone.close();
      try (KeyValueCache first = decoder.newCache();
          KeyValueCache second = decoder.newCache()) {
        decoder.step(List.of(new Row(first, new int[70], false))).close();
        decoder.step(List.of(new Row(second, new int[70], false))).close();

        assertThat(List.of(first.block(0), first.block(64), second.block(0), second.block(64)))
            .doesNotHaveDuplicates()
            .doesNotContain(0);
      }
    }
  }

  /** What a conversation left in its blocks, no numbers even, is nothing to who takes them next. */
  @ParameterizedTest
  @MethodSource("kernels")
  void step_blocksOfAConversationThatWasNoNumber_asFresh(Case kernels) {
    try (NDManager scope = Golden.scope();
        Gpt2Weights weights = Gpt2Weights.random(CONFIG, 7, scope)) {
      weights.arrays().get(1).set(new NDIndex("100:"), Float.NaN); // positions
      try (Gpt2Decoder decoder = kernels.decoder(weights)) {
        int[] sequence = sequences().get(6); // 100 tokens
        float[] expected = decoder.logits(sequence)[99];
        KeyValueCache broken = decoder.newCache();
        for (int i = 0; i < 250; i += 50) {
          try (StepLogits logits = decoder.step(List.of(new Row(broken, new int[50], true)))) {
            assertThat(Float.isNaN(logits.row(0).get(0).whole()[0])).isEqualTo(i >= 100);
          }
        }
        broken.close();
        for (int fresh : new int[] {1, 30}) {
          try (KeyValueCache cache = decoder.newCache()) {
            int[] begin = Arrays.copyOf(sequence, 100 - fresh);
            int[] rest = Arrays.copyOfRange(sequence, 100 - fresh, 100);
            decoder.step(List.of(new Row(cache, begin, false))).close();
            try (StepLogits logits = decoder.step(List.of(new Row(cache, rest, true)))) {
              assertThat(logits.row(0).get(0).whole())
                  .containsExactly(expected, Offset.offset(kernels.limit));
            }
          }
        }
      }
    }
  }

  private static List<int[]> sequences() {
    SplittableRandom random = new SplittableRandom(3);
    return Arrays.stream(LENGTHS)
        .mapToObj(length -> random.ints(length, 0, CONFIG.vocabularySize()).toArray())
        .toList();
  }
}
