package dev.parley.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * Where a command writes: results on standard output, as text or as one JSON object a line;
 * everything else on standard error.
 */
final class Output {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final StandardStreams streams;
  private final boolean json;

  Output(StandardStreams streams, boolean json) {
    this.streams = streams;
    this.json = json;
  }

  /** Whether results are JSON. */
  boolean json() {
    return json;
  }

  /** Whether a person sits before standard input and output. */
  boolean isTerminal() {
    return streams.terminal();
  }

  /** A result as text; nothing when results are JSON. */
  void text(String line) {
    if (!json) {
      streams.out().println(line);
    }
  }

  /** A result as JSON; nothing when results are text. */
  void object(Map<String, ?> object) {
    if (json) {
      streams.out().println(JSON.writeValueAsString(object));
    }
  }

  /** An object of names and values, in this order. */
  static Map<String, @Nullable Object> ordered(@Nullable Object... pairs) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put(String.valueOf(pairs[i]), pairs[i + 1]);
    }
    return map;
  }

  /** Something to know while a command runs. */
  void note(String line) {
    streams.err().println(line);
  }

  /** A progress bar among the notes. */
  ProgressBar progressBar() {
    return new ProgressBar(streams.err(), streams.terminal());
  }
}
