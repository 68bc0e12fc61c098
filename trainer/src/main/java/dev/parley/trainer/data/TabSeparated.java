package dev.parley.trainer.data;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tab-separated values: a {@link Table} if the first line names its columns, else DialoGPT's
 * format, one dialogue a line: context turns joined by {@code " EOS "}, a tab, the reply. Each turn
 * may begin with a weight, {@code 0.0} (read, not learned) or {@code 1.0}, the default. Only these
 * two are weights: DialoGPT's own reader takes any number for one and so loses the 20 of "20
 * dollars".
 */
final class TabSeparated implements DialogueReader.Format {
  private static final Pattern WEIGHT = Pattern.compile("\\s*([01]\\.0+)(?:\\s+|$)");
  static final Pattern TURN_BREAK = Pattern.compile("\\s+EOS(?=\\s|$)");

  @Override
  public void read(LineReader lines, Problems problems, Consumer<Dialogue> sink)
      throws IOException {
    String first = lines.next();
    if (first != null && Table.isHeader(first, '\t')) {
      new Table('\t').read(first, lines, problems, sink);
      return;
    }
    for (String line = first; !problems.full() && line != null; line = lines.next()) {
      if (!line.isBlank()) {
        dialogue(line, lines.line(), problems, sink);
      }
    }
  }

  private static void dialogue(
      String line, int number, Problems problems, Consumer<Dialogue> sink) {
    int tab = line.indexOf('\t');
    int second = tab < 0 ? -1 : line.indexOf('\t', tab + 1);
    if (tab < 0) {
      problems.add(
          number,
          line.length() + 1,
          "found no tab; expected context, tab, reply, or a header with context and response");
      return;
    }
    if (second >= 0) {
      problems.add(number, second + 1, "found a second tab; expected context, tab, reply");
      return;
    }
    List<Turn> turns = new ArrayList<>();
    int start = 0;
    Matcher breaks = TURN_BREAK.matcher(line).region(0, tab);
    while (breaks.find()) {
      if (!add(turns, line, start, breaks.start(), number, problems)) {
        return;
      }
      start = breaks.end();
    }
    if (add(turns, line, start, tab, number, problems)
        && add(turns, line, tab + 1, line.length(), number, problems)) {
      sink.accept(new Dialogue(alternating(turns)));
    }
  }

  private static boolean add(
      List<Turn> turns, String line, int start, int end, int number, Problems problems) {
    Matcher weight = WEIGHT.matcher(line).region(start, end);
    boolean weighted = weight.lookingAt();
    String text = line.substring(weighted ? weight.end() : start, end).strip();
    if (text.isEmpty()) {
      problems.add(
          number, start + 1, "turn %d is empty, expected a text".formatted(turns.size() + 1));
      return false;
    }
    boolean masked = weighted && line.charAt(weight.start(1)) == '0';
    turns.add(new Turn(Turn.USER, text, masked ? Optional.of(false) : Optional.empty()));
    return true;
  }

  /** Speakers take turns, and the reply is the assistant's. */
  static List<Turn> alternating(List<Turn> turns) {
    List<Turn> spoken = new ArrayList<>(turns.size());
    for (int i = 0; i < turns.size(); i++) {
      boolean assistant = (turns.size() - 1 - i) % 2 == 0;
      spoken.add(
          new Turn(
              assistant ? Turn.ASSISTANT : Turn.USER, turns.get(i).text(), turns.get(i).train()));
    }
    return spoken;
  }
}
