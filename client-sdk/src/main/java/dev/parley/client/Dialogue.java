package dev.parley.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A conversation to learn from: at least two turns. */
public record Dialogue(List<Turn> turns) {
  public Dialogue {
    turns = List.copyOf(turns);
    if (turns.size() < 2) {
      throw new IllegalArgumentException(
          "A dialogue has " + turns.size() + " turns; at least 2 are needed to learn a reply");
    }
  }

  /** The user speaks first, the assistant answers, and so on in turn. */
  public static Dialogue of(String... texts) {
    List<Turn> turns = new ArrayList<>();
    for (int i = 0; i < texts.length; i++) {
      turns.add(Turn.of(i % 2 == 0 ? "user" : "assistant", texts[i]));
    }
    return new Dialogue(turns);
  }

  /**
   * One turn.
   *
   * @param role {@code user}, {@code assistant} or any other speaker
   * @param train whether it is learned; empty: as the label policy says
   */
  public record Turn(String role, String text, Optional<Boolean> train) {
    /** A turn that is learned where the label policy says so. */
    public static Turn of(String role, String text) {
      return new Turn(role, text, Optional.empty());
    }
  }
}
