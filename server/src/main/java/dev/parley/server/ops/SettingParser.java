package dev.parley.server.ops;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads a setting's text. */
@FunctionalInterface
public interface SettingParser<T> {
  /**
   * The value of a text.
   *
   * @throws IllegalArgumentException with a message that says what the text must be
   */
  T parse(String text);

  /** A whole number within limits. */
  static SettingParser<Integer> integer(int least, int most) {
    return text -> {
      try {
        int value = Integer.parseInt(text);
        if (value >= least && value <= most) {
          return value;
        }
      } catch (NumberFormatException e) {
        // The message below names what is wanted.
      }
      throw new IllegalArgumentException(
          "must be a whole number from %d to %d".formatted(least, most));
    };
  }

  /** A number of bytes of at least {@code least}: {@code 1048576}, {@code 512m}, {@code 2g}. */
  static SettingParser<Long> bytes(long least) {
    Pattern pattern = Pattern.compile("(\\d{1,12})\\s*([kmgt]?)(i?b)?");
    return text -> {
      Matcher matcher = pattern.matcher(text.toLowerCase(Locale.ROOT));
      if (!matcher.matches()) {
        throw new IllegalArgumentException("must be a size such as 512m, 2g or 1048576");
      }
      int power = matcher.group(2).isEmpty() ? 0 : 1 + "kmgt".indexOf(matcher.group(2));
      long value;
      try {
        value = Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << (10 * power));
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException("is more bytes than a machine has", e);
      }
      if (value < least) {
        throw new IllegalArgumentException("must be at least %d bytes".formatted(least));
      }
      return value;
    };
  }

  /** A time such as {@code 500ms}, {@code 30s}, {@code 5m} or {@code 1h}. */
  static Duration duration(String text) {
    Matcher matcher =
        Pattern.compile("(\\d{1,9})\\s*(ms|s|m|h)").matcher(text.toLowerCase(Locale.ROOT));
    if (!matcher.matches()) {
      throw new IllegalArgumentException("must be a time such as 500ms, 30s or 5m");
    }
    long value = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(value);
      case "s" -> Duration.ofSeconds(value);
      case "m" -> Duration.ofMinutes(value);
      default -> Duration.ofHours(value);
    };
  }
}
