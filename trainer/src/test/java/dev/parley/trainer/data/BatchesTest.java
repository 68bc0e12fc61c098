package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.gpt2.TrainableGpt2;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class BatchesTest {
  @Test
  void ofEpoch_anyEpoch_holdsEverySequenceOnce() {
    List<Sequence> sequences = sequences(1003);

    List<List<Sequence>> batches = Batches.ofEpoch(sequences, 8, 42, 3);

    assertThat(batches).hasSize(126);
    assertThat(batches.stream().flatMap(List::stream))
        .containsExactlyInAnyOrderElementsOf(sequences);
    assertThat(batches).allMatch(batch -> batch.size() <= 8);
  }

  @Test
  void ofEpoch_sameSeedAndEpoch_isTheSameOrder() {
    List<Sequence> sequences = sequences(100);

    List<List<Sequence>> first = Batches.ofEpoch(sequences, 8, 42, 0);

    assertThat(Batches.ofEpoch(sequences, 8, 42, 0)).isEqualTo(first);
    assertThat(Batches.ofEpoch(sequences, 8, 42, 1)).isNotEqualTo(first);
    assertThat(Batches.ofEpoch(sequences, 8, 43, 0)).isNotEqualTo(first);
  }

  @Test
  void ofEpoch_lengthsFrom10To400_padsLessThanFivePercent() {
    List<Sequence> sequences = sequences(5000);

    double bucketed = Batches.paddingShare(Batches.ofEpoch(sequences, 16, 1, 0));

    assertThat(bucketed).isBetween(0.0, 0.05);
  }

  @Test
  void tensor_shorterRow_isPaddedAndItsEndIsStillLearned() {
    Sequence longer = new Sequence(new int[] {5, 9, 6}, new int[] {-1, 6, 9}, false);
    Sequence shorter = new Sequence(new int[] {7, 9}, new int[] {-1, 9}, false);

    TrainableGpt2.Batch batch = Batches.tensor(List.of(longer, shorter));

    assertThat(batch.ids()).isDeepEqualTo(new int[][] {{5, 9, 6}, {7, 9, 0}});
    assertThat(batch.learned()).containsExactly(1, 2, 4);
    assertThat(batch.labels()).containsExactly(6, 9, 9);
  }

  private static List<Sequence> sequences(int count) {
    SplittableRandom random = new SplittableRandom(count);
    List<Sequence> sequences = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int length = 10 + random.nextInt(390);
      sequences.add(new Sequence(new int[length], new int[length], false));
    }
    return sequences;
  }
}
