package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class OutputTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private Output output(boolean json) {
    return new Output(
        new StandardStreams(
            InputStream.nullInputStream(),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            false),
        json);
  }

  private static void everything(Output output) {
    output.text("result");
    output.object(Output.ordered("z", 1, "a", "größer → 😀\n", "none", null));
    output.note("note");
  }

  @Test
  void json_objectsAloneOnStandardOutput_inTheirOrderAndOneALine() {
    everything(output(true));

    assertThat(out.toString(StandardCharsets.UTF_8))
        .isEqualToIgnoringNewLines("{\"z\":1,\"a\":\"größer → 😀\\n\",\"none\":null}")
        .hasLineCount(1);
    assertThat(err.toString(StandardCharsets.UTF_8)).isEqualToIgnoringNewLines("note");
  }

  @Test
  void text_resultsAloneOnStandardOutput() {
    everything(output(false));

    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualToIgnoringNewLines("result");
    assertThat(err.toString(StandardCharsets.UTF_8)).isEqualToIgnoringNewLines("note");
  }

  @Test
  void json_numbersThatAreNone_stayValidJson() {
    output(true).object(Output.ordered("loss", Double.NaN));

    assertThat(out.toString(StandardCharsets.UTF_8)).startsWith("{\"loss\":\"NaN\"}");
  }
}
