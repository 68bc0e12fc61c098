package dev.parley.trainer.data;

import dev.parley.trainer.data.InvalidDataException.Problem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A file of any format that {@link DialogueReader} reads, written as JSON lines, and what was lost
 * on the way.
 *
 * @param dialogues that were written
 * @param turns that were written
 * @param duplicates dialogues that were left out because an equal one was written before
 * @param source what of the file could be read
 */
public record Conversion(int dialogues, long turns, long duplicates, Salvage source) {
  /**
   * What to leave out.
   *
   * @param strict a file with a record that cannot be read is refused as a whole
   * @param distinct of equal dialogues (speakers, texts and train flags) the first alone is written
   */
  public record Options(boolean strict, boolean distinct) {}

  /**
   * Converts a file. It appears whole or not at all.
   *
   * @param to a name that {@link DialogueWriter} writes; a file that is there is replaced
   * @throws InvalidDataException as {@link DialogueReader#salvage}; where {@code strict}, as {@link
   *     DialogueReader#read}
   * @throws UncheckedIOException if one of the files cannot be read or written
   */
  public static Conversion run(Path from, Path to, Options options) {
    Path aside = to.resolveSibling(".converting-" + ProcessHandle.current().pid() + "-" + name(to));
    try {
      Files.deleteIfExists(aside);
      Conversion conversion;
      try (DialogueWriter writer = new DialogueWriter(aside)) {
        conversion = convert(from, writer, options);
      }
      Files.move(aside, to, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
      return conversion;
    } catch (IOException e) {
      throw new UncheckedIOException(to + " cannot be written: " + e, e);
    } finally {
      discard(aside);
    }
  }

  private static Conversion convert(Path from, DialogueWriter writer, Options options) {
    Set<ByteBuffer> seen = new HashSet<>();
    int[] dialogues = {0};
    long[] turns = {0};
    long[] duplicates = {0};
    Salvage source =
        DialogueReader.salvage(
            from,
            dialogue -> {
              if (options.distinct() && !seen.add(ByteBuffer.wrap(dialogue.digest()))) {
                duplicates[0]++;
                return;
              }
              try {
                writer.write(dialogue);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
              dialogues[0]++;
              turns[0] += dialogue.turns().size();
            });
    if (options.strict() && source.dropped() > 0) {
      List<Problem> problems = source.problems();
      throw new InvalidDataException(problems, source.dropped() > problems.size());
    }
    return new Conversion(dialogues[0], turns[0], duplicates[0], source);
  }

  private static void discard(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }
}
