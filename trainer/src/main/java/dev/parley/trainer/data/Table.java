package dev.parley.trainer.data;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Comma- or tab-separated values (RFC 4180) with a header: a column {@code response}, and one or
 * more of context: {@code context}, then {@code context1}, {@code context2}, …, oldest turn first.
 * Only where the names are written {@code context/0}, {@code context/1}, … behind {@code response}
 * do they go back in time, as the files of the well-known DialoGPT notebooks do. A context may hold
 * several turns joined by {@code " EOS "}. Other columns are skipped.
 *
 * <p>A row whose context is the whole row before it belongs to the same dialogue, which it
 * continues: written once, it is learned once and cannot fall on both sides of a split. What was
 * the response of such a row stays one: the turn is the assistant's and is learned, whichever turns
 * a {@link LabelPolicy} names.
 */
final class Table implements DialogueReader.Format {
  private static final Pattern CONTEXT = Pattern.compile("context([/_ ]?)(\\d{0,6})");

  /** How FastCSV says what is wrong, and where. */
  private static final Pattern BROKEN_RECORD =
      Pattern.compile("(.*) \\(record starting at line (\\d{1,9})\\)");

  private static final String EXPECTED = "expected the columns context and response";

  private final char separator;

  Table(char separator) {
    this.separator = separator;
  }

  /** Where the columns are. */
  private record Columns(List<Integer> context, int response, int count) {}

  /** Whether a line names one of our columns. */
  static boolean isHeader(String line, char separator) {
    for (String name : line.split(Pattern.quote(String.valueOf(separator)), -1)) {
      String plain = plain(name.replace("\"", ""));
      if (plain.equals("response") || CONTEXT.matcher(plain).matches()) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void read(LineReader lines, Problems problems, Consumer<Dialogue> sink)
      throws IOException {
    String first = lines.next();
    if (first != null) {
      read(first, lines, problems, sink);
    }
  }

  /** Reads on after the header, which is `first`. */
  void read(String first, LineReader lines, Problems problems, Consumer<Dialogue> sink)
      throws IOException {
    CsvReader.CsvReaderBuilder builder =
        CsvReader.builder()
            .fieldSeparator(separator)
            .skipEmptyLines(false)
            .extraFieldStrategy(FieldMismatchStrategy.IGNORE) // counted below, to say which row
            .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
            .allowUnclosedQuote(false)
            .maxBufferSize(1 << 25);
    int line = 1;
    try (CsvReader<CsvRecord> reader = builder.ofCsvRecord(new Lines(first, lines))) {
      Iterator<CsvRecord> records = reader.iterator();
      CsvRecord header = records.next();
      Columns columns = damaged(header, lines) ? null : columns(header.getFields(), problems);
      if (columns == null) {
        return;
      }
      Dialogue last = null;
      while (!problems.full() && records.hasNext()) {
        CsvRecord row = records.next();
        line = Math.toIntExact(row.getStartingLineNumber());
        if (blank(row) || damaged(row, lines)) {
          continue;
        }
        Dialogue dialogue = dialogue(row, columns, problems);
        if (dialogue == null) {
          continue;
        }
        if (last != null && continues(dialogue, last)) {
          problems.merge();
          dialogue = withResponsesOf(last, dialogue);
        } else if (last != null) {
          sink.accept(last);
        }
        last = dialogue;
      }
      if (last != null) {
        sink.accept(last);
      }
    } catch (CsvParseException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      Matcher place = BROKEN_RECORD.matcher(String.valueOf(cause.getMessage()));
      boolean known = place.matches();
      problems.end(
          known ? Integer.parseInt(place.group(2)) : line,
          0,
          "broken quotes: %s; a quote within quotes is written twice"
              .formatted(known ? place.group(1) : cause.getMessage()));
    } catch (UncheckedIOException e) {
      throw e.getCause() == null ? new IOException(e) : e.getCause();
    }
  }

  private static boolean blank(CsvRecord row) {
    return row.getFieldCount() == 1 && row.getField(0).isBlank();
  }

  /** Whether a line of the row could not be decoded: what was read of it is not what it says. */
  private static boolean damaged(CsvRecord row, LineReader lines) {
    long first = row.getStartingLineNumber();
    long lineEnds =
        row.getFields().stream().flatMapToInt(String::chars).filter(c -> c == '\n').count();
    return lines.damaged(first, first + lineEnds);
  }

  private @Nullable Columns columns(List<String> header, Problems problems) {
    List<Integer> context = new ArrayList<>();
    int response = -1;
    boolean slashed = false;
    for (int i = 0; i < header.size(); i++) {
      Matcher matcher = CONTEXT.matcher(plain(header.get(i)));
      if (plain(header.get(i)).equals("response")) {
        if (response >= 0) {
          problems.end(1, 0, "found two columns response; expected one");
          return null;
        }
        response = i;
      } else if (matcher.matches()) {
        context.add(i);
        slashed |= String.valueOf(matcher.group(1)).equals("/");
      } else {
        problems.ignore(header.get(i).strip());
      }
    }
    if (response < 0 || context.isEmpty()) {
      String hint =
          header.size() == 1 && header.get(0).matches(".*[;\t|].*")
              ? ", separated by a " + (separator == ',' ? "comma" : "tab")
              : "";
      problems.end(
          1, 0, "found the columns %s; %s%s".formatted(String.join(", ", header), EXPECTED, hint));
      return null;
    }
    boolean backwards = slashed && response < context.get(0);
    context.sort(Comparator.comparingInt(i -> number(header.get(i))));
    for (int i = 1; i < context.size(); i++) {
      String left = header.get(context.get(i - 1));
      String right = header.get(context.get(i));
      if (number(left) == number(right)) {
        problems.end(
            1,
            0,
            "found the columns %s and %s, which name the same turn; number them context1, context2, …, the oldest turn first"
                .formatted(left.strip(), right.strip()));
        return null;
      }
    }
    if (backwards) {
      Collections.reverse(context);
    }
    return new Columns(List.copyOf(context), response, header.size());
  }

  /** context is before context0, context0 before context1. */
  private static int number(String name) {
    Matcher matcher = CONTEXT.matcher(plain(name));
    String digits = matcher.matches() ? String.valueOf(matcher.group(2)) : "";
    return digits.isEmpty() ? -1 : Integer.parseInt(digits);
  }

  private static @Nullable Dialogue dialogue(CsvRecord row, Columns columns, Problems problems) {
    int line = Math.toIntExact(row.getStartingLineNumber());
    if (row.getFieldCount() != columns.count()) {
      problems.add(
          line,
          0,
          "found %s, expected %d as in the header; a field with the separator or a line end in it goes in quotes"
              .formatted(
                  row.getFieldCount() == 1 ? "1 field" : row.getFieldCount() + " fields",
                  columns.count()));
      return null;
    }
    List<Turn> turns = new ArrayList<>();
    for (int column : columns.context()) {
      for (String text : TabSeparated.TURN_BREAK.split(row.getField(column).strip())) {
        if (!text.isBlank()) {
          turns.add(Turn.of(Turn.USER, text.strip()));
        }
      }
    }
    String response = row.getField(columns.response()).strip();
    if (turns.isEmpty() || response.isEmpty()) {
      problems.add(
          line,
          0,
          "the %s is empty, expected a text".formatted(turns.isEmpty() ? "context" : "response"));
      return null;
    }
    turns.add(new Turn(Turn.ASSISTANT, response, Optional.empty()));
    return new Dialogue(TabSeparated.alternating(turns));
  }

  /** Whether `next` begins with all that `before` says, in the same words. */
  private static boolean continues(Dialogue next, Dialogue before) {
    int turns = before.turns().size();
    if (next.turns().size() <= turns) {
      return false;
    }
    for (int i = 0; i < turns; i++) {
      if (!next.turns().get(i).text().equals(before.turns().get(i).text())) {
        return false;
      }
    }
    return true;
  }

  /** The longer dialogue, whose first turns are as the rows before it have them. */
  private static Dialogue withResponsesOf(Dialogue before, Dialogue next) {
    List<Turn> turns = new ArrayList<>(before.turns());
    int response = turns.size() - 1;
    turns.set(response, new Turn(Turn.ASSISTANT, turns.get(response).text(), Optional.of(true)));
    turns.addAll(next.turns().subList(turns.size(), next.turns().size()));
    return new Dialogue(turns);
  }

  private static String plain(String name) {
    return name.strip().toLowerCase(Locale.ROOT);
  }

  /** Lines as a stream of characters. */
  private static final class Lines extends Reader {
    private final LineReader lines;
    private Reader current;

    Lines(String first, LineReader lines) {
      this.lines = lines;
      this.current = new StringReader(first + "\n");
    }

    @Override
    public int read(char[] buffer, int offset, int length) throws IOException {
      int count;
      while ((count = current.read(buffer, offset, length)) < 0) {
        String line = lines.next();
        if (line == null) {
          return -1;
        }
        current = new StringReader(line + "\n");
      }
      return count;
    }

    @Override
    public void close() {}
  }
}
