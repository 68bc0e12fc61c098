package dev.parley.cli;

import java.io.Console;
import java.io.PrintStream;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * Where a command writes: results on standard output, as text or as one JSON object a line;
 * everything else on standard error.
 */
final class Output {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final PrintStream results;
  private final PrintStream notes;
  private final boolean json;

  Output(PrintStream results, PrintStream notes, boolean json) {
    this.results = results;
    this.notes = notes;
    this.json = json;
  }

  /** Standard output and standard error of this process. */
  static Output standard(boolean json) {
    return new Output(System.out, System.err, json);
  }

  /** Whether results are JSON. */
  boolean json() {
    return json;
  }

  /** A result as text; nothing when results are JSON. */
  void text(String line) {
    if (!json) {
      results.println(line);
    }
  }

  /** A result as JSON; nothing when results are text. */
  void object(Map<String, ?> object) {
    if (json) {
      results.println(JSON.writeValueAsString(object));
    }
  }

  /** Something to know while a command runs. */
  void note(String line) {
    notes.println(line);
  }

  /** A progress bar among the notes. */
  ProgressBar progressBar() {
    return new ProgressBar(notes, isTerminal());
  }

  /** Whether a person sits before standard input and output. */
  @SuppressWarnings("SystemConsoleNull") // newer JDKs always have a console, and are asked below
  static boolean isTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console); // since JDK 22
    } catch (NoSuchMethodException e) {
      return true;
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }
}
