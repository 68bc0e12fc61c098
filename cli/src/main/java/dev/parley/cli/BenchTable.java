package dev.parley.cli;

import dev.parley.server.bench.Spread;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * Results of a benchmark: aligned columns for a terminal, a Markdown table, or one JSON object a
 * row. The same columns make all three.
 */
final class BenchTable<T> {
  private final List<Column<T>> columns = new ArrayList<>();

  /** A column; one without a heading is for JSON alone. */
  private record Column<T>(
      String heading, String key, Function<T, ?> value, Function<T, String> text) {}

  /** A column that a table and JSON show alike. */
  BenchTable<T> column(String heading, String key, Function<T, ?> value) {
    columns.add(new Column<>(heading, key, value, row -> String.valueOf(value.apply(row))));
    return this;
  }

  /** A number, with so many digits behind the point in a table. */
  BenchTable<T> number(String heading, String key, int digits, Function<T, Double> value) {
    columns.add(new Column<>(heading, key, value, row -> digits(digits, value.apply(row))));
    return this;
  }

  /** A median, with its lowest and highest beside it. */
  BenchTable<T> spread(String heading, String key, int digits, Function<T, Spread> value) {
    columns.add(
        new Column<>(
            heading,
            key,
            row -> value.apply(row).median(),
            row -> {
              Spread spread = value.apply(row);
              String range =
                  digits(digits, spread.lowest()) + "–" + digits(digits, spread.highest());
              return digits(digits, spread.median()) + " (" + range + ")";
            }));
    return hidden(key + "_lowest", row -> value.apply(row).lowest())
        .hidden(key + "_highest", row -> value.apply(row).highest());
  }

  /** A share in [0, 1], in a table as per cent; a dash where it is 0: not known. */
  BenchTable<T> share(String heading, String key, Function<T, Double> value) {
    columns.add(
        new Column<>(
            heading,
            key,
            value,
            row -> value.apply(row) > 0 ? digits(1, 100 * value.apply(row)) + " %" : "–"));
    return this;
  }

  /** For JSON alone. */
  BenchTable<T> hidden(String key, Function<T, ?> value) {
    columns.add(new Column<>("", key, value, row -> ""));
    return this;
  }

  /** Writes all rows. */
  void print(Output out, boolean markdown, List<T> rows) {
    for (T row : rows) {
      Map<String, Object> object = new LinkedHashMap<>();
      columns.forEach(column -> object.put(column.key(), column.value().apply(row)));
      out.object(object);
    }
    List<Column<T>> shown = columns.stream().filter(column -> !column.heading().isEmpty()).toList();
    List<List<String>> lines = new ArrayList<>();
    lines.add(shown.stream().map(Column::heading).toList());
    for (T row : rows) {
      lines.add(shown.stream().map(column -> column.text().apply(row)).toList());
    }
    if (markdown) {
      lines.add(1, shown.stream().map(column -> "---").toList());
      lines.forEach(line -> out.text("| " + String.join(" | ", line) + " |"));
    } else {
      align(lines).forEach(out::text);
    }
  }

  /** Names on the left, numbers on the right. */
  private static List<String> align(List<List<String>> lines) {
    int[] widths = new int[lines.get(0).size()];
    for (List<String> line : lines) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], line.get(i).length());
      }
    }
    List<String> aligned = new ArrayList<>();
    for (List<String> line : lines) {
      StringBuilder text =
          new StringBuilder(line.get(0)).append(" ".repeat(widths[0] - line.get(0).length()));
      for (int i = 1; i < widths.length; i++) {
        text.append("  ").append(" ".repeat(widths[i] - line.get(i).length())).append(line.get(i));
      }
      aligned.add(text.toString());
    }
    return aligned;
  }

  static String digits(int digits, double value) {
    return String.format(Locale.ROOT, "%,." + digits + "f", value);
  }
}
