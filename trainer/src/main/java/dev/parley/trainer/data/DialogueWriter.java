package dev.parley.trainer.data;

import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.GZIPOutputStream;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamWriteFeature;
import tools.jackson.core.json.JsonFactory;

/**
 * Writes dialogues as JSON lines in the one form that says all that a {@link Dialogue} holds,
 * {@code {"messages":[{"role":…,"content":…,"train":…}]}}, gzipped if the file's name ends in
 * {@code .gz}. The same dialogues give the same bytes; {@link DialogueReader} reads the same
 * dialogues back.
 */
public final class DialogueWriter implements Closeable {
  private static final JsonFactory JSON =
      JsonFactory.builder().disable(StreamWriteFeature.AUTO_CLOSE_TARGET).build();

  private final Writer out;

  /**
   * Begins a file.
   *
   * @param file that is not there yet; see {@link #writes}
   */
  public DialogueWriter(Path file) throws IOException {
    OutputStream raw = Files.newOutputStream(file, java.nio.file.StandardOpenOption.CREATE_NEW);
    try {
      boolean gzip = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT).endsWith(".gz");
      OutputStream bytes = gzip ? new GZIPOutputStream(raw, 1 << 16) : raw;
      this.out = new BufferedWriter(new OutputStreamWriter(bytes, StandardCharsets.UTF_8), 1 << 16);
    } catch (IOException e) {
      raw.close();
      throw e;
    }
  }

  /** Whether a name is one of JSON lines. */
  public static boolean writes(String fileName) {
    String name = fileName.toLowerCase(Locale.ROOT);
    return name.endsWith(".jsonl") || name.endsWith(".jsonl.gz");
  }

  /** Writes a dialogue. */
  public void write(Dialogue dialogue) throws IOException {
    try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), out)) {
      json.writeStartObject();
      json.writeArrayPropertyStart("messages");
      for (Turn turn : dialogue.turns()) {
        json.writeStartObject();
        json.writeStringProperty("role", turn.role());
        json.writeStringProperty("content", turn.text());
        turn.train().ifPresent(train -> json.writeBooleanProperty("train", train));
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    out.write('\n');
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
