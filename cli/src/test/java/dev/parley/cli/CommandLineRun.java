package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a command line gave: the real commands in this process, with streams of their own.
 *
 * @param exitCode as the process would have it
 * @param out standard output
 * @param err standard error
 */
record CommandLineRun(int exitCode, String out, String err) {
  static CommandLineRun of(String... arguments) {
    return withInput("", arguments);
  }

  static CommandLineRun withInput(String input, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        Parley.run(
            new StandardStreams(
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false),
            arguments);
    return new CommandLineRun(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Itself, if it did what was asked. */
  CommandLineRun done() {
    assertThat(exitCode).as("exit code, after: %s", err).isZero();
    return this;
  }

  /** Itself, if it failed with one sentence, or one for each problem, and no results. */
  CommandLineRun failed() {
    return complained(1);
  }

  /** Itself, if it was called in a way that it does not understand, and did nothing. */
  CommandLineRun misused() {
    return complained(2);
  }

  private CommandLineRun complained(int code) {
    assertThat(exitCode).as("exit code, after: %s", err).isEqualTo(code);
    assertThat(err).contains("parley: ").doesNotContain("\tat ").doesNotContain("Exception");
    return this;
  }

  /** Standard output, each line of which is a JSON object. */
  List<JsonNode> json() {
    JsonMapper mapper = JsonMapper.shared();
    List<JsonNode> objects = out.lines().map(line -> mapper.readTree(line)).toList();
    assertThat(objects).isNotEmpty().allMatch(JsonNode::isObject);
    return objects;
  }

  /** The last object of standard output. */
  JsonNode lastJson() {
    List<JsonNode> objects = json();
    return objects.get(objects.size() - 1);
  }
}
