package dev.parley.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;

/**
 * One line that shows how far a job is. In a terminal it is redrawn in place; elsewhere a line is
 * printed each tenth of the way, so that logs stay readable.
 */
final class ProgressBar implements AutoCloseable {
  private static final int WIDTH = 24;

  private final PrintStream out;
  private final boolean terminal;
  private int printedTenths = -1;
  private boolean open;

  ProgressBar(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /** Shows that {@code done} of {@code total} is done, and a text beside it. */
  void show(long done, long total, String text) {
    double share = total == 0 ? 0 : Math.min(1.0, (double) done / total);
    String line = String.format(Locale.ROOT, "%3.0f%% %s %s", 100 * share, bar(share), text);
    if (terminal) {
      out.print("\r\u001b[K" + line);
      out.flush();
      open = true;
    } else if ((int) (10 * share) > printedTenths) {
      printedTenths = (int) (10 * share);
      out.println(line);
    }
  }

  /** Leaves room for other lines; the bar is drawn again by the next {@link #show}. */
  void interrupt() {
    if (open) {
      out.print("\r\u001b[K");
      out.flush();
      open = false;
    }
  }

  private static String bar(double share) {
    int full = (int) Math.round(share * WIDTH);
    return "━".repeat(full) + "╌".repeat(WIDTH - full);
  }

  /** A time as a person says it: {@code 42s}, {@code 3m05s}, {@code 2h10m}. */
  static String spoken(Duration time) {
    long seconds = Math.max(0, Math.round(time.toMillis() / 1000.0));
    if (seconds < 60) {
      return seconds + "s";
    }
    if (seconds < 3600) {
      return String.format(Locale.ROOT, "%dm%02ds", seconds / 60, seconds % 60);
    }
    return String.format(Locale.ROOT, "%dh%02dm", seconds / 3600, seconds / 60 % 60);
  }

  @Override
  public void close() {
    if (open) {
      out.println();
      open = false;
    }
  }
}
