package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressBarTest {
  private static final String CLEARED = "\r\u001b[K";

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private ProgressBar bar(boolean terminal) {
    return new ProgressBar(new PrintStream(bytes, true, StandardCharsets.UTF_8), terminal);
  }

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void show_inALog_aLineEachTenthAndTheLast() {
    try (ProgressBar bar = bar(false)) {
      for (int step = 1; step <= 1000; step++) {
        bar.show(step, 1000, "step " + step);
      }
    }

    assertThat(printed().lines()).hasSize(11).last().asString().startsWith("100%").endsWith("1000");
    assertThat(printed()).doesNotContain("\r");
  }

  @Test
  void show_inATerminal_redrawsOneLineAndLeavesIt() {
    try (ProgressBar bar = bar(true)) {
      bar.show(1, 4, "one");
      bar.show(2, 4, "two");
    }

    assertThat(printed())
        .isEqualTo(
            CLEARED
                + " 25% ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ one"
                + CLEARED
                + " 50% ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌ two"
                + System.lineSeparator());
  }

  @Test
  void interrupt_inATerminal_clearsTheLineOnce() {
    ProgressBar bar = bar(true);
    bar.show(1, 4, "one");
    bytes.reset();

    bar.interrupt();
    bar.interrupt();
    bar.close();

    assertThat(printed()).isEqualTo(CLEARED);
  }

  @Test
  void show_moreThanAll_isFull() {
    bar(false).show(3, 2, "");
    assertThat(printed()).startsWith("100% " + "━".repeat(24));
  }

  @ParameterizedTest
  @CsvSource({
    "PT-1S, 0s",
    "PT0.4S, 0s",
    "PT59.4S, 59s",
    "PT59.6S, 1m00s",
    "PT3M5S, 3m05s",
    "PT2H10M, 2h10m",
    "PT59M59.9S, 1h00m"
  })
  void spoken_aTime_asAPersonSaysIt(Duration time, String spoken) {
    assertThat(ProgressBar.spoken(time)).isEqualTo(spoken);
  }
}
