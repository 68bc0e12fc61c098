package dev.parley.server.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.v1.Rating;
import dev.parley.v1.ServedModel;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class FeedbackFileTest {
  private static final FeedbackSink.Judgement JUDGEMENT =
      new FeedbackSink.Judgement(
          "c1",
          ServedModel.newBuilder().setName("tiny").setVersion(2).build(),
          4,
          "r",
          "hello\nthere",
          "\"hi\" 🦜",
          Rating.RATING_GOOD,
          Optional.of("Good morning."));

  @TempDir Path directory;

  @Test
  void accept_twoJudgements_areTwoJsonLines() throws Exception {
    Path file = directory.resolve("feedback.jsonl");
    FeedbackFile sink = new FeedbackFile(file, () -> Instant.parse("2026-05-01T10:00:00Z"));
    sink.accept(JUDGEMENT);
    sink.accept(JUDGEMENT);

    List<String> lines = Files.readAllLines(file);

    assertThat(lines).hasSize(2);
    JsonNode line = new JsonMapper().readTree(lines.get(1));
    assertThat(line.get("time").stringValue()).isEqualTo("2026-05-01T10:00:00Z");
    assertThat(line.get("message").stringValue()).isEqualTo("hello\nthere");
    assertThat(line.get("reply").stringValue()).isEqualTo("\"hi\" 🦜");
    assertThat(line.get("version").intValue()).isEqualTo(2);
    assertThat(line.get("rating").stringValue()).isEqualTo("RATING_GOOD");
    assertThat(line.get("correction").stringValue()).isEqualTo("Good morning.");
  }

  @Test
  void accept_afterHalfALine_beginsANewOne() throws Exception {
    Path file = directory.resolve("feedback.jsonl");
    Files.writeString(file, "{}\n{\"time\":\"2026");
    new FeedbackFile(file, () -> Instant.EPOCH).accept(JUDGEMENT);

    List<String> lines = Files.readAllLines(file);

    assertThat(lines).hasSize(3);
    assertThat(new JsonMapper().readTree(lines.get(2)).get("turn").intValue()).isEqualTo(4);
  }

  @Test
  void accept_noSuchDirectory_namesTheFile() {
    Path file = directory.resolve("missing").resolve("feedback.jsonl");

    assertThatThrownBy(() -> new FeedbackFile(file, () -> Instant.EPOCH).accept(JUDGEMENT))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(file.toString());
  }
}
