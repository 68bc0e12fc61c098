package dev.parley.trainer.data;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/**
 * Reads dialogue files. The ending of the name tells the format, {@code .gz} after it is fine:
 *
 * <ul>
 *   <li>{@code .jsonl}: one object a line, {@code {"messages":[{"role":…,"content":…,"train":…}]}}
 *       or ShareGPT's {@code {"conversations":[{"from":…,"value":…}]}}
 *   <li>{@code .csv}, {@code .tsv} with a header: columns {@code context} (or several: {@code
 *       context1}, {@code context2}, …) and {@code response}; a context may hold turns joined by
 *       {@code " EOS "}
 *   <li>{@code .tsv} without these columns: DialoGPT's own, {@code 0.0 turn EOS 1.0 turn⇥1.0 reply}
 * </ul>
 */
public final class DialogueReader {
  private DialogueReader() {}

  /** One file format. */
  interface Format {
    void read(LineReader lines, Problems problems, Consumer<Dialogue> sink) throws IOException;
  }

  /**
   * Every dialogue of a file.
   *
   * @throws InvalidDataException if anything is wrong with it, with up to 20 problems; the whole
   *     file was looked at
   * @throws UncheckedIOException if it cannot be read
   */
  public static List<Dialogue> read(Path file) {
    List<Dialogue> dialogues = new ArrayList<>();
    scan(file, dialogues::add);
    return dialogues;
  }

  /**
   * Reads a file without keeping it, for validation.
   *
   * @param sink gets every dialogue, in order; what it got means nothing if this method throws
   * @return how many dialogues there are
   * @throws InvalidDataException as {@link #read}
   */
  public static int scan(Path file, Consumer<Dialogue> sink) {
    String name = String.valueOf(file.getFileName());
    Problems problems = new Problems(name);
    Format format = format(name);
    if (!Files.exists(file)) {
      problems.add(0, 0, file + " does not exist");
    } else if (format == null) {
      problems.add(0, 0, "unknown kind of file; expected .jsonl, .csv or .tsv, each also as .gz");
    } else if (!Files.isRegularFile(file)) {
      problems.add(0, 0, file + " is not a file");
    }
    problems.throwIfAny();
    int[] count = {0};
    try (LineReader lines = new LineReader(file, problems)) {
      if (format != null) {
        format.read(
            lines,
            problems,
            dialogue -> {
              count[0]++;
              sink.accept(dialogue);
            });
      }
    } catch (EOFException | ZipException e) {
      problems.add(0, 0, "the gzip data is damaged or cut short: " + e.getMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read: " + e.getMessage(), e);
    }
    if (count[0] == 0 && problems.isEmpty()) {
      problems.add(0, 0, "is empty; expected at least one dialogue of two turns");
    }
    problems.throwIfAny();
    return count[0];
  }

  private static @Nullable Format format(String fileName) {
    String name = fileName.toLowerCase(Locale.ROOT);
    if (name.endsWith(".gz")) {
      name = name.substring(0, name.length() - 3);
    }
    if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
      return new JsonLines();
    }
    if (name.endsWith(".csv")) {
      return new Table(',');
    }
    return name.endsWith(".tsv") ? new TabSeparated() : null;
  }
}
