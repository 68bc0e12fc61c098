package dev.parley.trainer.job;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Timestamps;
import com.google.rpc.ErrorDetailsProto;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a training job wrote down: a file with one {@link TrainingUpdate} as JSON on each line,
 * numbered from 1 without gaps. It is the one truth that every watcher reads.
 *
 * <p>One writer at a time, guarded by a lock that the system drops when its process ends, however
 * it ends. The lock is on a file of its own beside the log: a POSIX lock is lost as soon as its
 * process closes any descriptor of the locked file, and the log is read by its own writer too. Any
 * number of readers in any process, without a lock: a reader takes whole lines only, so it never
 * sees a line that is still being written. Every line is on the disk before {@link Writer#append}
 * returns; a line that a crash cut short is removed by the next writer.
 */
public final class EventLog {
  /** What a status may carry: ErrorInfo, BadRequest and their kin. */
  private static final JsonFormat.TypeRegistry DETAILS =
      JsonFormat.TypeRegistry.newBuilder()
          .add(ErrorDetailsProto.getDescriptor().getMessageTypes())
          .build();

  private static final JsonFormat.Printer PRINTER =
      JsonFormat.printer()
          .usingTypeRegistry(DETAILS)
          .includingDefaultValueFields()
          .omittingInsignificantWhitespace();

  /** Bytes that a bounded poll reads at once. */
  private static final int CHUNK = 64 << 10;

  private static final int REPAIR_BATCH = 256;

  private static final JsonFormat.Parser PARSER =
      JsonFormat.parser().usingTypeRegistry(DETAILS).ignoringUnknownFields();

  private final Path file;

  /** The log in a file, which need not exist yet. */
  public EventLog(Path file) {
    this.file = file;
  }

  /**
   * Opens the log for appending.
   *
   * @throws LogInUseException if another writer has it open, in whichever process
   * @throws IllegalStateException if a line that is not the last one is damaged
   */
  public Writer open(Clock clock) {
    WriterLock lock = WriterLock.take(lockFile());
    if (lock == null) {
      throw new LogInUseException(file);
    }
    try {
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        return new Writer(channel, lock, repair(channel), clock);
      } catch (RuntimeException | IOException e) {
        channel.close();
        throw e;
      }
    } catch (RuntimeException e) {
      lock.close();
      throw e;
    } catch (IOException e) {
      lock.close();
      throw new UncheckedIOException(e);
    }
  }

  /** Whether some process has the log open for appending: the job runs. */
  public boolean hasWriter() {
    return WriterLock.isTaken(lockFile());
  }

  private Path lockFile() {
    return file.resolveSibling(file.getFileName() + ".lock");
  }

  /** Every update from a sequence number on that is written whole; 0 and 1 give all. */
  public List<TrainingUpdate> read(long fromSequence) {
    return tail(fromSequence).poll();
  }

  /** A reader that starts at a sequence number and goes on as the log grows. */
  public Tail tail(long fromSequence) {
    return new Tail(Math.max(1, fromSequence));
  }

  /** Cuts a torn last line off and returns the sequence of the last whole one, 0 without any. */
  private long repair(FileChannel channel) throws IOException {
    Tail whole = tail(1);
    while (!whole.poll(REPAIR_BATCH).isEmpty()) {
      // passes over the whole lines, some at a time: a log may be longer than memory
    }
    long start = whole.offset;
    if (start < channel.size()) {
      channel.truncate(start);
      channel.force(true);
    }
    channel.position(start);
    return whole.line;
  }

  private IllegalStateException damaged(long line) {
    return new IllegalStateException(
        "%s:%d is damaged: expected a training update with sequence %d; the job cannot be read"
            .formatted(file, line, line));
  }

  private static @Nullable TrainingUpdate parse(byte[] bytes, int start, int end) {
    try {
      TrainingUpdate.Builder update = TrainingUpdate.newBuilder();
      PARSER.merge(new String(bytes, start, end - start, StandardCharsets.UTF_8), update);
      return update.build();
    } catch (InvalidProtocolBufferException e) {
      return null;
    }
  }

  /** The log is already open for appending: the job is running. */
  public static final class LogInUseException extends IllegalStateException {
    private static final long serialVersionUID = 1;

    LogInUseException(Path file) {
      super(file + " is being written by another process: the job is already running");
    }
  }

  /** Appends updates. Safe for several threads. */
  public static final class Writer implements AutoCloseable {
    private final FileChannel channel;
    private final WriterLock lock;
    private final Clock clock;
    private long sequence;

    private Writer(FileChannel channel, WriterLock lock, long sequence, Clock clock) {
      this.channel = channel;
      this.lock = lock;
      this.sequence = sequence;
      this.clock = clock;
    }

    /** The number of the last update, 0 before the first. */
    public synchronized long lastSequence() {
      return sequence;
    }

    /**
     * Writes an update down, for good.
     *
     * @param update without sequence and time, which are set here
     * @return the update as written
     * @throws UncheckedIOException if it could not be written; the log is as before
     */
    public synchronized TrainingUpdate append(TrainingUpdate.Builder update) {
      TrainingUpdate complete =
          update.setSequence(sequence + 1).setTime(Timestamps.fromMillis(clock.millis())).build();
      try {
        long before = channel.position();
        try {
          byte[] line = (PRINTER.print(complete) + "\n").getBytes(StandardCharsets.UTF_8);
          ByteBuffer buffer = ByteBuffer.wrap(line);
          while (buffer.hasRemaining()) {
            channel.write(buffer);
          }
          channel.force(false);
        } catch (IOException e) {
          channel.truncate(before);
          channel.position(before);
          throw e;
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      sequence++;
      return complete;
    }

    @Override
    public synchronized void close() {
      try (lock) {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** A place in the log. Not thread-safe. Holds no file open between calls. */
  public final class Tail {
    private final long fromSequence;
    private long line;
    private long offset;

    private Tail(long fromSequence) {
      this.fromSequence = fromSequence;
    }

    /**
     * The updates written since the last call, in order; empty if there are none. Never waits.
     *
     * @throws IllegalStateException if a line is damaged
     */
    public List<TrainingUpdate> poll() {
      List<TrainingUpdate> updates = new ArrayList<>();
      read(Integer.MAX_VALUE, Integer.MAX_VALUE, updates);
      return updates;
    }

    /**
     * The next updates, at most {@code most}; what is beyond them stays unread, so that a slow
     * reader of a long log holds little memory. Empty if there are none. Never waits.
     *
     * @throws IllegalStateException if a line is damaged
     */
    public List<TrainingUpdate> poll(int most) {
      List<TrainingUpdate> updates = new ArrayList<>();
      int room = CHUNK;
      while (updates.isEmpty()) {
        long before = offset;
        boolean more = read(room, most, updates);
        if (!more) {
          break;
        }
        if (offset == before) {
          room = Math.multiplyExact(room, 2); // a line longer than a chunk
        }
      }
      return updates;
    }

    /** Reads up to {@code room} bytes; whether the file goes on behind them. */
    private boolean read(int room, int most, List<TrainingUpdate> updates) {
      byte[] bytes = unread(room);
      int start = 0;
      for (int end = 0; end < bytes.length && updates.size() < most; end++) {
        if (bytes[end] != '\n') {
          continue;
        }
        TrainingUpdate update = parse(bytes, start, end);
        if (update == null || update.getSequence() != line + 1) {
          if (end + 1 < bytes.length) {
            throw damaged(line + 1);
          }
          break; // the last line: the next writer cuts it off
        }
        line++;
        if (line >= fromSequence) {
          updates.add(update);
        }
        start = end + 1;
      }
      offset += start;
      return bytes.length == room;
    }

    private byte[] unread(int room) {
      if (!Files.exists(file)) {
        return new byte[0];
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        ByteBuffer content =
            ByteBuffer.allocate((int) Math.min(room, Math.max(0, channel.size() - offset)));
        while (content.hasRemaining() && channel.read(content, offset + content.position()) >= 0) {
          // until the end
        }
        byte[] bytes = new byte[content.position()];
        content.flip().get(bytes);
        return bytes;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
