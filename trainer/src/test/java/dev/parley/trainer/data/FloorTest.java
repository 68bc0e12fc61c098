package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

final class FloorTest {
  @Test
  void of_smallDistribution_isItsEntropyByHand() {
    Sequence often = new Sequence(new int[] {1, 2}, new int[] {-1, 3}, false);
    Sequence seldom = new Sequence(new int[] {1, 2}, new int[] {-1, 4}, false);
    Sequence certain = new Sequence(new int[] {5, 2}, new int[] {2, 6}, false);

    assertThat(Floor.of(List.of(often, certain, often, seldom, often)))
        .isCloseTo(-(3 * Math.log(0.75) + Math.log(0.25)) / 6, within(1e-12));
  }

  /** DialoGPT's {@code data/dummy_data.tsv}, with sequences of 40 tokens where they are padded. */
  @Test
  @EnabledIfEnvironmentVariable(named = "PARLEY_DUMMY_DATA", matches = ".+")
  void of_dialoGptsDummyData_isThatOfEachPolicy(@TempDir Path directory) throws IOException {
    List<Dialogue> dialogues = DialogueReader.read(Path.of(System.getenv("PARLEY_DUMMY_DATA")));
    Gpt2Vocabulary.write(directory);
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      DialogueEncoder encoder = new DialogueEncoder(tokenizer);

      assertFloor(dialogues, encoder, LabelPolicy.REPLIES, 0.3130);
      assertFloor(dialogues, encoder, LabelPolicy.ALL, 0.2121);
      assertFloor(dialogues, encoder, LabelPolicy.PADDED, 0.0599);
    }
  }

  private static void assertFloor(
      List<Dialogue> dialogues, DialogueEncoder encoder, LabelPolicy policy, double floor) {
    Sequences sequences = Sequences.encode(dialogues, encoder::turn, policy, 40);
    assertThat(Floor.of(sequences.list())).as(policy.name()).isCloseTo(floor, within(5e-5));
  }
}
