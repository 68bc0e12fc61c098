package dev.parley.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.model.registry.Direction;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Gpt2Vocabulary;
import dev.parley.model.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class SequencesTest {
  private static final int EOS = 50256;
  private static final List<LabelPolicy> POLICIES = List.of(LabelPolicy.values());

  @Test
  void encode_dialoGptLine_givesTheGoldenLabels(@TempDir Path directory) throws IOException {
    Sequence sequence =
        golden(
            directory,
            "0.0 Does money buy happiness ?\t1.0 Depends how much money you spend on it .");

    assertThat(sequence.ids())
        .containsExactly(
            13921, 1637, 2822, 12157, 5633, 50256, 12156, 2412, 703, 881, 1637, 345, 4341, 319, 340,
            764);
    assertThat(sequence.labels())
        .containsExactly(
            -1, -1, -1, -1, -1, 12156, 2412, 703, 881, 1637, 345, 4341, 319, 340, 764, 50256);
  }

  @Test
  void encode_dialoGptLineWithMaskedTurns_givesTheGoldenLabels(@TempDir Path directory)
      throws IOException {
    Sequence sequence =
        golden(directory, "0.0 hi EOS 0.0 hello there EOS 1.0 how are you ?\t1.0 fine .");

    assertThat(sequence.ids())
        .containsExactly(5303, 50256, 31373, 612, 50256, 4919, 389, 345, 5633, 50256, 38125, 764);
    assertThat(sequence.labels())
        .containsExactly(-1, -1, -1, -1, 4919, 389, 345, 5633, 50256, 38125, 764, 50256);
  }

  private static Sequence golden(Path directory, String line) throws IOException {
    Gpt2Vocabulary.write(directory);
    Path file = directory.resolve("a.tsv");
    Files.writeString(file, line);
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      DialogueEncoder encoder = new DialogueEncoder(tokenizer);
      return Sequences.encode(DialogueReader.read(file), encoder::turn, LabelPolicy.REPLIES, 1024)
          .list()
          .get(0);
    }
  }

  @Test
  void encode_eachPolicy_learnsItsTurnsAndTheirEnds() {
    // Turns 1, 2 and 3 as one token each: ids 1 E 2 E 3, labels E 2 E 3 E.
    assertThat(labels(LabelPolicy.ALL)).containsExactly(EOS, 2, EOS, 3, EOS);
    assertThat(labels(LabelPolicy.REPLIES)).containsExactly(-1, 2, EOS, 3, EOS);
    assertThat(labels(LabelPolicy.ASSISTANT)).containsExactly(-1, 2, EOS, -1, -1);
    assertThat(labels(LabelPolicy.LAST)).containsExactly(-1, -1, -1, 3, EOS);
  }

  @Test
  void encode_backward_learnsTheSourceOfWhatEachPolicyNames() {
    // Read as 3, 2, 1: ids 3 E 2 E 1, labels E 2 E 1 E.
    assertThat(backward(LabelPolicy.ALL, Optional.empty())).containsExactly(EOS, 2, EOS, 1, EOS);
    assertThat(backward(LabelPolicy.REPLIES, Optional.empty())).containsExactly(-1, 2, EOS, 1, EOS);
    assertThat(backward(LabelPolicy.ASSISTANT, Optional.empty()))
        .containsExactly(-1, -1, -1, 1, EOS);
    assertThat(backward(LabelPolicy.LAST, Optional.empty())).containsExactly(-1, 2, EOS, 1, EOS);
    assertThat(backward(LabelPolicy.REPLIES, Optional.of(false)))
        .as("a turn's own flag goes with the turn")
        .containsExactly(-1, 2, EOS, -1, -1);
  }

  private static int[] backward(LabelPolicy policy, Optional<Boolean> trainFirst) {
    Dialogue dialogue =
        new Dialogue(
            List.of(
                new Turn("user", "1", trainFirst),
                Turn.of("assistant", "2"),
                Turn.of("user", "3")));
    Sequence sequence =
        Sequences.encode(List.of(dialogue), SequencesTest::turn, policy, Direction.BACKWARD, 99)
            .list()
            .get(0);
    assertThat(sequence.ids()).startsWith(3, EOS, 2, EOS);
    return Arrays.copyOf(sequence.labels(), 5);
  }

  @Test
  void encode_trainFlags_winOverThePolicy() {
    Dialogue dialogue =
        new Dialogue(
            List.of(
                new Turn("user", "1", Optional.of(true)),
                new Turn("assistant", "2", Optional.of(false)),
                Turn.of("user", "3")));

    assertThat(encode(dialogue, LabelPolicy.REPLIES, 99).get(0).labels())
        .containsExactly(EOS, -1, -1, 3, EOS);
  }

  /** Rows a -> b and a, b, c -> d of a table are one dialogue, and both responses are learned. */
  @ParameterizedTest
  @EnumSource(names = {"REPLIES", "ASSISTANT", "LAST"})
  void encode_rowsOfOneDialogue_learnTheResponseOfEach(LabelPolicy policy, @TempDir Path directory)
      throws IOException {
    Path file = directory.resolve("a.csv");
    Files.writeString(file, "context,response\n1,2\n1 EOS 2 EOS 3,4\n");

    int[] labels = encode(DialogueReader.read(file).get(0), policy, 99).get(0).labels();

    // ids 1 E 2 E 3 E 4
    assertThat(Arrays.copyOfRange(labels, 1, 3)).containsExactly(2, EOS);
    assertThat(Arrays.copyOfRange(labels, 5, 7)).containsExactly(4, EOS);
  }

  @Test
  void encode_nothingLearned_isRefused() {
    Dialogue dialogue = new Dialogue(List.of(Turn.of("user", "1"), Turn.of("user", "2")));

    assertThatThrownBy(() -> encode(dialogue, LabelPolicy.ASSISTANT, 99))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no token of 1 dialogues is learned with the label policy ASSISTANT");
  }

  @Test
  void encode_contextTooLong_losesItsBeginningNeverTheReply() {
    Dialogue dialogue =
        new Dialogue(List.of(Turn.of("user", "1 2 3 4 5 6 7"), Turn.of("assistant", "8 9")));

    List<Sequence> sequences = encode(dialogue, LabelPolicy.REPLIES, 5);

    assertThat(sequences).hasSize(1);
    assertThat(sequences.get(0).ids()).containsExactly(6, 7, EOS, 8, 9);
    assertThat(sequences.get(0).labels()).containsExactly(-1, -1, 8, 9, EOS);
    assertThat(sequences.get(0).shortened()).isTrue();
  }

  @Test
  void encode_wholeDialogueFits_isNotShortened() {
    Dialogue dialogue = new Dialogue(List.of(Turn.of("user", "1 2"), Turn.of("assistant", "3")));

    // 1 2 E 3 are fed; the last E is a label only.
    assertThat(encode(dialogue, LabelPolicy.REPLIES, 4).get(0).shortened()).isFalse();
    assertThat(encode(dialogue, LabelPolicy.REPLIES, 3).get(0).ids()).containsExactly(2, EOS, 3);
  }

  @Test
  void encode_replyLongerThanMaximum_isCutOnTheRightAndCounted() {
    Dialogue dialogue =
        new Dialogue(List.of(Turn.of("user", "1"), Turn.of("assistant", "2 3 4 5 6 7")));

    Sequences sequences =
        Sequences.encode(List.of(dialogue), SequencesTest::turn, LabelPolicy.REPLIES, 4);

    assertThat(sequences.cutTurns()).isEqualTo(1);
    assertThat(sequences.shortenedShare()).isEqualTo(1);
    assertThat(sequences.list().get(0).ids()).containsExactly(EOS, 2, 3, 4);
    assertThat(sequences.list().get(0).labels()).containsExactly(2, 3, 4, 5);
  }

  @Test
  void encode_randomDialogues_learnsEveryLearnedTurnExactlyOnceAndWhole() {
    long seed = 7;
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 500; round++) {
      int maxLength = 12 + random.nextInt(30);
      LabelPolicy policy = POLICIES.get(random.nextInt(4));
      List<Turn> turns = new ArrayList<>();
      List<Integer> expected = new ArrayList<>();
      int token = 1;
      int count = 2 + random.nextInt(12);
      for (int t = 0; t < count; t++) {
        StringBuilder text = new StringBuilder();
        boolean assistant = t % 2 == 1;
        boolean learned =
            switch (policy) {
              case ALL -> true;
              case REPLIES -> t > 0;
              case ASSISTANT -> assistant;
              case LAST -> t == count - 1;
              case PADDED -> throw new AssertionError("not one of the four");
            };
        int length = 1 + random.nextInt(9);
        for (int i = 0; i < length; i++) {
          text.append(text.isEmpty() ? "" : " ").append(token);
          if (learned && token > 1) { // nothing stands before the very first token
            expected.add(token);
          }
          token++;
        }
        if (learned) {
          expected.add(EOS);
        }
        turns.add(Turn.of(assistant ? "assistant" : "user", text.toString()));
      }

      List<Sequence> sequences = encode(new Dialogue(turns), policy, maxLength);

      List<Integer> learned = new ArrayList<>();
      for (Sequence sequence : sequences) {
        assertThat(sequence.ids()).hasSizeLessThanOrEqualTo(maxLength);
        for (int i = 0; i < sequence.ids().length; i++) {
          if (i > 0 && sequence.labels()[i - 1] != -1) {
            assertThat(sequence.labels()[i - 1]).isEqualTo(sequence.ids()[i]);
          }
          if (sequence.labels()[i] != -1) {
            learned.add(sequence.labels()[i]);
          }
        }
      }
      assertThat(learned).as("seed %d, round %d", seed, round).isEqualTo(expected);
    }
  }

  private static int[] labels(LabelPolicy policy) {
    Dialogue dialogue =
        new Dialogue(
            List.of(Turn.of("user", "1"), Turn.of("assistant", "2"), Turn.of("user", "3")));
    return encode(dialogue, policy, 99).get(0).labels();
  }

  private static List<Sequence> encode(Dialogue dialogue, LabelPolicy policy, int maxLength) {
    return Sequences.encode(List.of(dialogue), SequencesTest::turn, policy, maxLength).list();
  }

  /** Numbers are their own tokens. */
  private static int[] turn(String text) {
    int[] ids = Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
    int[] turn = Arrays.copyOf(ids, ids.length + 1);
    turn[ids.length] = EOS;
    return turn;
  }
}
