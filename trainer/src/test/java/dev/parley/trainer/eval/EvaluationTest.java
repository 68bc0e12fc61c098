package dev.parley.trainer.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.data.Sequence;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class EvaluationTest {
  private static final Gpt2Config SHAPE = new Gpt2Config(50, 40, 32, 2, 2, 1e-5, 0.3, 0, 49);

  /** Of different lengths; a third of their tokens is not learned, at both ends and in between. */
  private static List<Sequence> sequences() {
    SplittableRandom random = new SplittableRandom(4);
    List<Sequence> sequences = new ArrayList<>();
    for (int length = 3; length <= 40; length += 3) {
      int[] ids = random.ints(length, 0, 49).toArray();
      int[] labels = random.ints(length, 0, 49).toArray();
      for (int i = 0; i < length; i++) {
        labels[i] = i % 3 == 0 ? Sequence.IGNORED : labels[i];
      }
      sequences.add(new Sequence(ids, labels, false));
    }
    return sequences;
  }

  @ParameterizedTest
  @EnumSource(names = {"REFERENCE", "FP32", "FP16", "INT12", "INT8", "INT4"})
  void of_decoderInAnyPrecision_isWhatTrainingEvaluatesAsFarAsItGoes(Precision precision) {
    assumeThat(Precision.on(Device.cpu())).contains(precision);
    double near =
        switch (precision) {
          case INT4 -> 0.3;
          case INT8 -> 0.05;
          case FP16, INT12 -> 1e-3;
          default -> 1e-5;
        };
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Weights.random(SHAPE, 3, scope)) {
      Evaluation whole;
      try (TrainableGpt2 model = new TrainableGpt2(weights)) {
        whole = Evaluation.of(model, sequences(), 4);
      }
      try (Gpt2Decoder decoder = Gpt2Decoder.load(weights, precision)) {
        Evaluation served = Evaluation.of(decoder, sequences());

        assertThat(served.targetTokens()).isEqualTo(whole.targetTokens());
        assertThat(served.loss()).isCloseTo(whole.loss(), within(near));
        assertThat(served.accuracy()).isCloseTo(whole.accuracy(), within(near));
      }
    }
  }

  @Test
  void changedReplies_samePrecision_noneAndOfAnotherModelNearlyAll() {
    List<int[]> openings = new ArrayList<>();
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 12; i++) {
      openings.add(random.ints(1 + i % 9, 0, 49).toArray());
    }
    try (NDManager scope = Torch.newScope(Device.cpu());
        Gpt2Weights weights = Gpt2Weights.random(SHAPE, 3, scope);
        Gpt2Weights others = Gpt2Weights.random(SHAPE, 4, scope);
        Gpt2Decoder decoder = Gpt2Decoder.load(weights, Precision.FP32);
        Gpt2Decoder same = Gpt2Decoder.load(weights, Precision.REFERENCE);
        Gpt2Decoder other = Gpt2Decoder.load(others, Precision.FP32)) {
      assertThat(ChangedReplies.of(decoder, same, openings))
          .isEqualTo(new ChangedReplies(12, 0, 0, 0));
      ChangedReplies changed = ChangedReplies.of(decoder, other, openings);
      assertThat(changed.alone()).isGreaterThan(0.5).isEqualTo(changed.amongOthers());
      assertThat(changed.byOthers()).isZero();
    }
  }
}
