package dev.parley.server.chat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Judgements as JSON lines at the end of a file, which is made with the first one. */
public final class FeedbackFile implements FeedbackSink {
  private final JsonMapper json = new JsonMapper();
  private final Path file;
  private final InstantSource clock;

  /** A file, such as {@code <home>/feedback.jsonl}. */
  public FeedbackFile(Path file, InstantSource clock) {
    this.file = file;
    this.clock = clock;
  }

  /**
   * Appends a line.
   *
   * @throws UncheckedIOException if it cannot be written
   */
  @Override
  public synchronized void accept(Judgement judgement) {
    ObjectNode line = json.createObjectNode();
    line.put("time", clock.instant().toString());
    line.put("conversation", judgement.conversationId());
    line.put("model", judgement.model().getName());
    line.put("version", judgement.model().getVersion());
    line.put("turn", judgement.turn());
    line.put("request_id", judgement.requestId());
    line.put("message", judgement.message());
    line.put("reply", judgement.reply());
    line.put("rating", judgement.rating().name());
    judgement.correction().ifPresent(correction -> line.put("correction", correction));
    String text = json.writeValueAsString(line) + "\n";
    try (FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      long end = channel.size();
      try {
        byte[] bytes = ((endsALine(channel) ? "" : "\n") + text).getBytes(StandardCharsets.UTF_8);
        write(channel.position(end), ByteBuffer.wrap(bytes));
      } catch (IOException e) {
        withdraw(channel, end, e);
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("%s cannot be written".formatted(file), e);
    }
  }

  /** Not where a server was killed while it wrote: its half line is not to spoil the next one. */
  private static boolean endsALine(FileChannel channel) throws IOException {
    ByteBuffer last = ByteBuffer.allocate(1);
    return channel.size() == 0
        || (channel.read(last, channel.size() - 1) == 1 && last.get(0) == '\n');
  }

  /** Half a line would spoil the next one. */
  private static void withdraw(FileChannel channel, long end, IOException cause) {
    try {
      channel.truncate(end);
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }

  private static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
