package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class EventLogTest {
  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-01-02T03:04:05Z"), ZoneOffset.UTC);

  @TempDir Path directory;

  @Test
  void append_twoUpdates_writesOneLineEachWithSequenceTimeAndZeros() throws IOException {
    try (EventLog.Writer writer = log().open(CLOCK)) {
      writer.append(step(0));
      assertThat(writer.append(step(1)).getSequence()).isEqualTo(2);
    }

    List<String> lines = Files.readAllLines(file());
    assertThat(lines).hasSize(2);
    assertThat(lines.get(0))
        .startsWith("{\"sequence\":\"1\",\"time\":\"2026-01-02T03:04:05Z\",\"step\":{\"step\":0,")
        .contains("\"loss\":0.0");
  }

  @Test
  void read_fromSequence_givesTheRest() {
    write(5);

    assertThat(log().read(4)).extracting(TrainingUpdate::getSequence).containsExactly(4L, 5L);
    assertThat(log().read(0)).hasSize(5).isEqualTo(log().read(1));
    assertThat(log().read(6)).isEmpty();
  }

  @Test
  void read_missingFile_isEmpty() {
    assertThat(log().read(1)).isEmpty();
    assertThat(log().hasWriter()).isFalse();
  }

  @Test
  void tail_growingLog_givesEachUpdateOnce() {
    EventLog.Tail tail = log().tail(2);
    try (EventLog.Writer writer = log().open(CLOCK)) {
      writer.append(step(1));
      assertThat(tail.poll()).isEmpty();
      writer.append(step(2));
      writer.append(step(3));
      assertThat(tail.poll()).extracting(TrainingUpdate::getSequence).containsExactly(2L, 3L);
      assertThat(tail.poll()).isEmpty();
      writer.append(step(4));
      assertThat(tail.poll()).extracting(TrainingUpdate::getSequence).containsExactly(4L);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "{\"sequence\":\"4\",\"st",
        "{\"sequence\":\"4\"}",
        "\0\0\0\0",
        "nonsense\n",
        "{}\n"
      })
  void open_lastLineTorn_cutsItOffAndGoesOn(String torn) throws IOException {
    write(3);
    String whole = Files.readString(file());
    Files.writeString(file(), torn, StandardOpenOption.APPEND);
    EventLog.Tail tail = log().tail(1);
    assertThat(tail.poll()).hasSize(3);

    try (EventLog.Writer writer = log().open(CLOCK)) {
      assertThat(Files.readString(file())).isEqualTo(whole);
      assertThat(writer.append(step(4)).getSequence()).isEqualTo(4);
    }

    assertThat(tail.poll()).extracting(TrainingUpdate::getSequence).containsExactly(4L);
    assertThat(log().read(1)).hasSize(4);
  }

  @Test
  void open_damagedInTheMiddle_refusesAndChangesNothing() throws IOException {
    write(3);
    String damaged =
        Files.readString(file()).replaceFirst("\"sequence\":\"2\"", "\"sequence\":\"7\"");
    Files.writeString(file(), damaged);

    assertThatThrownBy(() -> log().open(CLOCK))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(
            "events.jsonl:2 is damaged: expected a training update with sequence 2");
    assertThatThrownBy(() -> log().read(1)).hasMessageContaining("events.jsonl:2 is damaged");
    assertThat(Files.readString(file())).isEqualTo(damaged);
    assertThat(log().hasWriter()).isFalse();
  }

  @Test
  void open_whileOpen_isRefused() {
    try (EventLog.Writer writer = log().open(CLOCK)) {
      assertThat(writer.lastSequence()).isZero();
      assertThat(log().hasWriter()).isTrue();
      assertThatThrownBy(() -> log().open(CLOCK))
          .isInstanceOf(EventLog.LogInUseException.class)
          .hasMessageContaining("already running");
    }
    assertThat(log().hasWriter()).isFalse();
  }

  private void write(int updates) {
    try (EventLog.Writer writer = log().open(CLOCK)) {
      for (int i = 1; i <= updates; i++) {
        writer.append(step(i));
      }
    }
  }

  private static TrainingUpdate.Builder step(int step) {
    return TrainingUpdate.newBuilder().setStep(StepFinished.newBuilder().setStep(step));
  }

  private EventLog log() {
    return new EventLog(file());
  }

  private Path file() {
    return directory.resolve("events.jsonl");
  }
}
