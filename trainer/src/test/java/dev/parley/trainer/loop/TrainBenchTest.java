package dev.parley.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.data.Batches;
import dev.parley.trainer.data.Sequence;
import dev.parley.trainer.data.Sequences;
import dev.parley.trainer.loop.TrainBench.Result;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TrainBenchTest {
  private static final Gpt2Config SHAPE = new Gpt2Config(64, 48, 16, 1, 2, 1e-5, 0.02, 0, 63);
  private static final TrainBench BENCH =
      new TrainBench(SHAPE, DataType.FLOAT32, Device.cpu(), 4, 48, 3);

  @BeforeAll
  static void useOneThread() {
    Torch.setThreads(1);
  }

  @Test
  void loopAndPlain_sameData_plainComputesMorePadding() {
    // All sequences of the synthetic data fill 48 tokens: these do not.
    Sequences data = new Sequences(lengths(8, 12, 20, 48, 9, 11, 30, 44), 8, 0);

    Result loop = BENCH.loop(data);
    Result plain = BENCH.plain(data);

    assertThat(plain.paddingShare()).isGreaterThan(loop.paddingShare()).isLessThan(1);
    for (Result result : List.of(loop, plain)) {
      assertThat(result.tokensPerSecond()).isPositive().isFinite();
      assertThat(result.milliseconds()).isPositive();
      assertThat(result.outsideShare()).isBetween(0.0, 1.0);
    }
  }

  @Test
  void synthetic_lengths_areThoseOfDialogues() {
    TrainBench bench =
        new TrainBench(Gpt2Config.shape("small"), DataType.FLOAT32, Device.cpu(), 16, 512, 5);

    Sequences data = bench.synthetic();

    double mean = (double) data.tokens() / data.list().size();
    assertThat(mean).as("self-dialogues have 189").isBetween(170.0, 210.0);
    assertThat(data.list()).allMatch(sequence -> sequence.ids().length <= 512);
    assertThat(data.targetShare()).isBetween(0.85, 0.99);
    assertThat(Batches.paddingShare(Batches.ofEpoch(data.list(), 16, 1, 0))).isLessThan(0.05);
  }

  @Test
  void plainStep_sameBatch_learnsWhatTheLoopLearns() {
    List<Sequence> batch = lengths(8, 12, 20, 48);
    TrainableGpt2.AdamW adamW = new TrainableGpt2.AdamW(1e-2, 0.9, 0.999, 1e-8, 0.01, 1);
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Weights.random(SHAPE, 1, scope);
        Gpt2Weights others = Gpt2Weights.random(SHAPE, 1, scope);
        TrainableGpt2 ours = new TrainableGpt2(weights);
        TrainableGpt2 theirs = new TrainableGpt2(others);
        PlainLoop plain = new PlainLoop(theirs)) {
      for (int step = 1; step <= 3; step++) {
        TrainableGpt2.Batch tensor = Batches.tensor(batch);
        double loss = ours.addGradients(tensor, 0, step, DataType.FLOAT32) / tensor.labels().length;
        double norm = ours.update(step, tensor.labels().length, adamW);
        double plainLoss = plain.step(step, batch, 48, 0, DataType.FLOAT32, adamW);

        assertThat(norm).isPositive();
        assertThat(plainLoss).as("step %d", step).isCloseTo(loss, within(1e-4));
      }
    }
  }

  @Test
  void of_lengthBeyondTheContext_saysTheLimit() {
    assertThatThrownBy(() -> new TrainBench(SHAPE, DataType.FLOAT32, Device.cpu(), 4, 49, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("from 4 to 48");
  }

  private static List<Sequence> lengths(int... lengths) {
    return Arrays.stream(lengths).mapToObj(TrainBenchTest::sequence).toList();
  }

  private static Sequence sequence(int length) {
    int[] ids = new int[length];
    int[] labels = new int[length];
    for (int i = 0; i < length; i++) {
      ids[i] = (7 * i + length) % 63;
      labels[i] = i < 3 ? Sequence.IGNORED : (7 * i + 7 + length) % 63;
    }
    return new Sequence(ids, labels, false);
  }
}
