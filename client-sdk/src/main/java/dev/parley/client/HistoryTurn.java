package dev.parley.client;

import java.util.Objects;

/** A turn that was said before a conversation was opened. */
public record HistoryTurn(Role role, String text) {
  public HistoryTurn {
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(text, "text");
  }

  /** What the user said. */
  public static HistoryTurn user(String text) {
    return new HistoryTurn(Role.USER, text);
  }

  /** What the model answered. */
  public static HistoryTurn assistant(String text) {
    return new HistoryTurn(Role.ASSISTANT, text);
  }
}
