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
    return scan(file, new Problems(name(file)), sink);
  }

  /**
   * Reads what can be read of a file, and says what cannot.
   *
   * @param sink gets every dialogue, in order; what it got means nothing if this method throws
   * @throws InvalidDataException if nothing can be read, or the rest of the file cannot be told
   *     apart any more: no columns, a quote that never closes, damaged gzip data
   * @throws UncheckedIOException if it cannot be read
   */
  public static Salvage salvage(Path file, Consumer<Dialogue> sink) {
    Problems problems = Problems.ofSalvage(name(file));
    return problems.salvage(scan(file, problems, sink));
  }

  /** Whether a file of this name is read: whether its ending is that of a format. */
  public static boolean reads(String fileName) {
    return format(fileName) != null;
  }

  /** Whether two names tell the same format, packed or not. */
  public static boolean sameFormat(String fileName, String other) {
    return ending(fileName).equals(ending(other));
  }

  /** What a file of another name must end in. */
  public static String endings() {
    return ".jsonl, .csv or .tsv, each also as .gz";
  }

  private static int scan(Path file, Problems problems, Consumer<Dialogue> sink) {
    Format format = format(name(file));
    if (!Files.exists(file)) {
      problems.end(0, 0, file + " does not exist");
    } else if (format == null) {
      problems.end(0, 0, "unknown kind of file; expected " + endings());
    } else if (!Files.isRegularFile(file)) {
      problems.end(0, 0, file + " is not a file");
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
      problems.end(0, 0, "the gzip data is damaged or cut short: " + e.getMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read: " + e.getMessage(), e);
    }
    if (count[0] == 0 && problems.isEmpty()) {
      problems.end(0, 0, "is empty; expected at least one dialogue of two turns");
    } else if (count[0] == 0) {
      problems.nothingLeft();
    }
    problems.throwIfAny();
    return count[0];
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }

  private static @Nullable Format format(String fileName) {
    return switch (ending(fileName)) {
      case "jsonl" -> new JsonLines();
      case "csv" -> new Table(',');
      case "tsv" -> new TabSeparated();
      default -> null;
    };
  }

  /** What tells the format, without .gz. */
  private static String ending(String fileName) {
    String name = fileName.toLowerCase(Locale.ROOT);
    if (name.endsWith(".gz")) {
      name = name.substring(0, name.length() - 3);
    }
    String ending = name.substring(name.lastIndexOf('.') + 1);
    return ending.equals("ndjson") ? "jsonl" : ending;
  }
}
