package dev.parley.server.chat;

import java.util.List;
import java.util.Optional;

/**
 * Holds a growing text back as far as it may be the beginning of a stop text, and ends it before
 * the first one that is complete. What comes out does not depend on how the text was cut into
 * pieces. For one thread.
 */
final class StopTexts {
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private Optional<String> found = Optional.empty();

  StopTexts(List<String> stops) {
    this.stops = stops;
  }

  /** What can be said for sure after one more piece; nothing after a stop text was found. */
  String add(String piece) {
    if (found.isPresent()) {
      return "";
    }
    int searched = held.length();
    held.append(piece);
    for (int end = searched + 1; end <= held.length(); end++) {
      Optional<String> stop = endingAt(end);
      if (stop.isPresent()) {
        found = stop;
        String before = held.substring(0, end - stop.get().length());
        held.setLength(0);
        return before;
      }
    }
    return release(held.length() - undecided());
  }

  /** The rest, at the end of a text without a stop text. */
  String finish() {
    return release(held.length());
  }

  /** The stop text that ended the text. */
  Optional<String> found() {
    return found;
  }

  private String release(int length) {
    String released = held.substring(0, length);
    held.delete(0, length);
    return released;
  }

  /** The longest stop text that ends here. */
  private Optional<String> endingAt(int end) {
    String longest = "";
    for (String stop : stops) {
      int start = end - stop.length();
      if (start >= 0 && stop.length() > longest.length() && held.indexOf(stop, start) == start) {
        longest = stop;
      }
    }
    return longest.isEmpty() ? Optional.empty() : Optional.of(longest);
  }

  /** How many characters at the end may begin a stop text. */
  private int undecided() {
    int most = 0;
    for (String stop : stops) {
      for (int length = Math.min(stop.length() - 1, held.length()); length > most; length--) {
        if (stop.startsWith(held.substring(held.length() - length))) {
          most = length;
        }
      }
    }
    return most;
  }
}
