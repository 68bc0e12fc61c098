package dev.parley.trainer.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardSinkTest {
  private static final String NAME = "events.out.tfevents.1700000001.parley";

  @TempDir Path directory;

  @Test
  void maskedCrc_knownBytes_isTensorFlows() {
    byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);

    int crc = 0xe3069283; // of CRC32C's definition
    assertThat(EventFile.maskedCrc(digits, digits.length))
        .isEqualTo(((crc >>> 15) | (crc << 17)) + 0xa282ead8);
  }

  @Test
  void accept_job_isCurvesAndTexts() throws IOException {
    Story story = new Story();
    story.created();
    story.started();
    story.evaluation(0);
    story.step(1);
    story.step(2);
    story.evaluation(2);
    story.finished(2);

    List<String> lines = EventReader.lines(written("tb", story.all()));

    assertThat(lines)
        .startsWith("0 brain.Event:2")
        .containsSubsequence(
            "0 _hparams_/session_start_info",
            "0 evaluation/loss 2.5",
            "0 evaluation/perplexity 12.25",
            "1 train/loss 10.0",
            "1 train/learning_rate 0.001",
            "1 train/gradient_norm 1.5",
            "1 train/tokens_per_second 1001.0",
            "1 train/epoch 0.1",
            "2 train/loss 5.0",
            "2 evaluation/loss 2.5",
            "0 _hparams_/session_end_info");
    assertThat(lines)
        .anySatisfy(line -> assertThat(line).contains("0 parameters ", "| learning_rate | 0.001 |"))
        .anySatisfy(line -> assertThat(line).contains("| seed | 18446744073709551615 |"))
        .contains("2 samples | prompt | reply |\n|---|---|\n| Is it \\| open? | Yes, it is. |\n")
        .anySatisfy(line -> assertThat(line).startsWith("2 result shop@3: loss 9.0000"));
  }

  @Test
  void accept_killedAnywhere_goesOnWithTheSameFile() throws IOException {
    Story story = new Story();
    story.created();
    story.started();
    for (int step = 1; step <= 5; step++) {
      story.step(step);
    }
    byte[] straight = Files.readAllBytes(written("straight", story.all()));

    for (int length = 0; length < straight.length; length += 37) {
      Path file = written("killed", story.all());
      try (RandomAccessFile torn = new RandomAccessFile(file.toFile(), "rw")) {
        torn.setLength(length);
      }

      assertThat(written("killed", story.all())).as("cut at %d", length).hasBinaryContent(straight);
    }
  }

  @Test
  void accept_fileWithOtherContent_isReplacedFromThereOn() throws IOException {
    Story story = new Story();
    story.created();
    story.started();
    story.step(1);
    byte[] right = Files.readAllBytes(written("right", story.all()));
    Path file = written("other", story.all());
    byte[] other = Arrays.copyOf(right, right.length + 100);
    other[right.length / 2] ^= 1;
    Files.write(file, other);

    assertThat(written("other", story.all())).hasBinaryContent(right);
  }

  @Test
  void accept_stepsMadeAgain_saysThatTheOldOnesAreVoid() throws IOException {
    Story story = new Story();
    story.created();
    story.step(1);
    story.step(2);
    story.step(3);
    story.step(2);
    story.step(3);

    assertThat(EventReader.lines(written("tb", story.all())))
        .filteredOn(line -> line.contains("restart") || line.contains("train/loss"))
        .containsExactly(
            "1 train/loss 10.0",
            "2 train/loss 5.0",
            "3 train/loss 3.3333333",
            "2 restart",
            "2 train/loss 5.0",
            "3 train/loss 3.3333333");
  }

  @Test
  void accept_resumedJob_voidsWhatCameAfterItsCheckpoint() throws IOException {
    Story story = new Story();
    story.created();
    story.started();
    story.evaluation(0);
    story.step(1);
    story.step(2);
    story.evaluation(2);
    story.interrupted(2, 1);
    story.resumed(1);
    story.step(2);
    story.interrupted(2, 2);
    story.resumed(2); // loses nothing
    story.step(3);
    story.interrupted(3, 0);
    story.resumed(0); // from the beginning
    story.started();
    story.evaluation(0);
    story.step(1);

    assertThat(EventReader.lines(written("tb", story.all())))
        .filteredOn(line -> line.matches(".* (restart|train/loss .*|evaluation/loss .*)"))
        .containsExactly(
            "0 evaluation/loss 2.5",
            "1 train/loss 10.0",
            "2 train/loss 5.0",
            "2 evaluation/loss 2.5",
            "2 restart",
            "2 train/loss 5.0",
            "3 train/loss 3.3333333",
            "0 restart",
            "0 evaluation/loss 2.5",
            "1 train/loss 10.0");
    assertThat(EventReader.lines(directory.resolve("tb").resolve(NAME)))
        .as("what a restart voids is written after it")
        .containsSubsequence("0 restart", "0 _hparams_/session_start_info", "1 train/loss 10.0");
  }

  @Test
  void accept_failedJob_saysWhy() throws IOException {
    Story story = new Story();
    story.created();
    story.failed("no such file");

    assertThat(EventReader.lines(written("tb", story.all())))
        .containsExactly(
            "0 brain.Event:2", "0 result no such file", "0 _hparams_/session_end_info");
  }

  @Test
  void accept_directoryThatCannotBeMade_isNamed() throws IOException {
    Path taken = Files.writeString(directory.resolve("taken"), "a file");
    Story story = new Story();
    TrainingUpdate created = story.created();
    try (TensorBoardSink sink = new TensorBoardSink(taken)) {
      assertThatThrownBy(() -> sink.accept(created))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining(taken.resolve(NAME).toString());
    }
  }

  private Path written(String name, List<TrainingUpdate> updates) {
    try (TensorBoardSink sink = new TensorBoardSink(directory.resolve(name))) {
      updates.forEach(sink::accept);
    }
    return directory.resolve(name).resolve(NAME);
  }
}
