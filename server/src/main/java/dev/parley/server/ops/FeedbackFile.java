package dev.parley.server.ops;

import dev.parley.server.chat.FeedbackSink;
import dev.parley.v1.Rating;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;

/** Judgements on replies, one JSON object a line, in {@code <home>/feedback.jsonl}. */
final class FeedbackFile implements FeedbackSink {
  private static final Logger log = LoggerFactory.getLogger(FeedbackFile.class);

  private final Path file;

  FeedbackFile(Path home) {
    this.file = home.resolve("feedback.jsonl");
  }

  @Override
  public synchronized void accept(Judgement judgement) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("conversation_id", judgement.conversationId());
    line.put("model", judgement.model().getName());
    line.put("version", judgement.model().getVersion());
    line.put("turn", judgement.turn());
    line.put("request_id", judgement.requestId());
    line.put("rating", rating(judgement.rating()));
    line.put("message", judgement.message());
    line.put("reply", judgement.reply());
    judgement.correction().ifPresent(correction -> line.put("correction", correction));
    try {
      Files.writeString(
          file,
          JsonMapper.shared().writeValueAsString(line) + "\n",
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      log.error("feedback on conversation {} is lost", judgement.conversationId(), e);
    }
  }

  private static String rating(Rating rating) {
    return rating.name().toLowerCase(Locale.ROOT).replace("rating_", "");
  }
}
