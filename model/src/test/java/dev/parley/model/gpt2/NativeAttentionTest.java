package dev.parley.model.gpt2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Decoder.Row;
import dev.parley.model.torch.NativeKernels;
import dev.parley.model.torch.Torch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Parley's kernels together, with heads of any size and on several threads. */
class NativeAttentionTest {
  private static final int TOKENS = 230; // four blocks

  @BeforeEach
  void threads() {
    assumeTrue(NativeKernels.available());
    Torch.setThreads(3);
  }

  @AfterEach
  void oneThread() {
    Torch.setThreads(1);
  }

  /** Of two layers; heads of 64 numbers are those of every published GPT-2. */
  private static Gpt2Config config(int heads, int headSize) {
    return new Gpt2Config(300, 250, heads * headSize, 2, heads, 1e-5, 0.2, 0, 0);
  }

  private static NDManager scope() {
    return Torch.newScope(ai.djl.Device.cpu());
  }

  private static int[] sequence(int seed) {
    return new SplittableRandom(seed).ints(TOKENS, 0, 300).toArray();
  }

  private static float[] inPieces(Gpt2Decoder decoder, int[] sequence, int piece) {
    try (KeyValueCache cache = decoder.newCache()) {
      for (int from = 0; ; from += piece) {
        int to = Math.min(from + piece, sequence.length);
        int[] part = Arrays.copyOfRange(sequence, from, to);
        try (StepLogits logits = decoder.step(List.of(new Row(cache, part, true)))) {
          if (to == sequence.length) {
            return logits.row(0).get(0).whole();
          }
        }
      }
    }
  }

  /** Bit for bit: neither the pieces nor who is read beside them make a difference. */
  @ParameterizedTest
  @CsvSource({
    "INT4, 2, 64",
    "INT4, 1, 80",
    "INT8, 4, 8",
    "INT8, 2, 64",
    "INT8, 1, 80",
    "INT8, 1, 160",
    "INT12, 8, 5",
    "INT12, 2, 64",
    "INT12, 1, 80",
    "INT12, 1, 160",
    "INT12, 1, 1365",
    "FP16, 4, 8",
    "FP16, 2, 64",
    "FP16, 1, 80",
    "FP16, 1, 160"
  })
  void step_inAnyPiecesAndAmongOthers_theSameBits(Precision precision, int heads, int headSize) {
    try (NDManager scope = scope();
        Gpt2Weights weights = Gpt2Weights.random(config(heads, headSize), 7, scope);
        Gpt2Decoder decoder = Gpt2Decoder.load(weights, precision);
        Gpt2Decoder oracle = oracle(weights, precision)) {
      int[] sequence = sequence(3);
      float[] expected = inPieces(decoder, sequence, TOKENS);
      float ofKeys = headSize > 1000 ? 0.06f : 0.02f; // a key has one scale
      float limit = precision == Precision.INT8 || precision == Precision.INT4 ? 0.6f : ofKeys;

      assertThat(expected)
          .containsExactly(oracle.logits(sequence)[TOKENS - 1], Offset.offset(limit));
      for (int piece : new int[] {1, 5, 6, 13, 64, 100}) {
        assertThat(inPieces(decoder, sequence, piece)).as("of %d", piece).containsExactly(expected);
      }
      assertThat(amongOthers(decoder, sequence)).containsExactly(expected);
    }
  }

  /** With keys and values in fp32 where weights alone would make too much of a difference. */
  private static Gpt2Decoder oracle(Gpt2Weights weights, Precision precision) {
    return switch (precision) {
      case INT12, INT4 ->
          Gpt2Decoder.load(
              weights, precision, precision.kernels(Device.cpu()).withCache(DataType.FLOAT32));
      default -> Gpt2Decoder.load(weights, Precision.REFERENCE);
    };
  }

  private static float[] amongOthers(Gpt2Decoder decoder, int[] sequence) {
    List<KeyValueCache> caches = new ArrayList<>();
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      KeyValueCache cache = decoder.newCache();
      caches.add(cache);
      int[] tokens = i == 7 ? sequence : Arrays.copyOf(sequence(i), 16 * i + 1);
      int fresh = i % 3 == 0 ? 1 : Math.min(tokens.length, 9 * i);
      int past = i == 7 ? TOKENS - 3 : tokens.length - fresh;
      if (past > 0) {
        decoder.step(List.of(new Row(cache, Arrays.copyOf(tokens, past), false))).close();
      }
      rows.add(new Row(cache, Arrays.copyOfRange(tokens, past, tokens.length), true));
    }
    try (StepLogits logits = decoder.step(rows)) {
      return logits.row(7).get(0).whole();
    } finally {
      caches.forEach(KeyValueCache::close);
    }
  }

  /** A guess that is no number must not spoil the token before it, which is read with it. */
  @ParameterizedTest
  @CsvSource({"INT4", "INT8", "INT12", "FP16", "FP32"})
  void step_laterTokenIsNoNumber_earlierOnesAreAsBefore(Precision precision) {
    try (NDManager scope = scope();
        Gpt2Weights weights = Gpt2Weights.random(config(2, 64), 7, scope)) {
      weights.arrays().get(1).set(new NDIndex("100:"), Float.NaN); // positions
      try (Gpt2Decoder decoder = Gpt2Decoder.load(weights, precision)) {
        float[][] together = decoder.logits(Arrays.copyOf(sequence(3), 106));
        float[][] before = decoder.logits(Arrays.copyOf(sequence(3), 100));

        assertThat(together[99]).containsExactly(before[99]);
        assertThat(together[97]).containsExactly(before[97]);
        assertThat(together[100]).containsOnly(Float.NaN);
      }
    }
  }

  /** Two models of one server. */
  @Test
  void step_twoDecodersAtOnce_eachAsAlone() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try (NDManager scope = scope();
        Gpt2Weights weights = Gpt2Weights.random(config(2, 64), 7, scope);
        Gpt2Decoder first = Gpt2Decoder.load(weights, Precision.INT8);
        Gpt2Decoder second = Gpt2Decoder.load(weights, Precision.FP16)) {
      float[] ofFirst = inPieces(first, sequence(1), 50);
      float[] ofSecond = inPieces(second, sequence(2), 50);
      for (int round = 0; round < 5; round++) {
        Callable<float[]> one = () -> inPieces(first, sequence(1), 50);
        Callable<float[]> two = () -> inPieces(second, sequence(2), 50);
        List<Future<float[]>> both = threads.invokeAll(List.of(one, two));

        assertThat(both.get(0).get()).containsExactly(ofFirst);
        assertThat(both.get(1).get()).containsExactly(ofSecond);
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
