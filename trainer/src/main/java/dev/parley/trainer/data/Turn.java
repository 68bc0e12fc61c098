package dev.parley.trainer.data;

import java.util.Optional;

/**
 * One turn of a dialogue.
 *
 * @param role {@code user}, {@code assistant} or any other speaker
 * @param text not blank
 * @param train whether it is learned; empty: as the {@link LabelPolicy} says
 */
public record Turn(String role, String text, Optional<Boolean> train) {
  /** The speaker whose turns {@link LabelPolicy#ASSISTANT} learns. */
  public static final String ASSISTANT = "assistant";

  /** The other speaker. */
  public static final String USER = "user";

  /** A turn that is learned as the policy says. */
  public static Turn of(String role, String text) {
    return new Turn(role, text, Optional.empty());
  }
}
