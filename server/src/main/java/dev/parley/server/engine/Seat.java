package dev.parley.server.engine;

import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What the scheduler knows of a conversation. Its cache changes through {@link Seats} alone. */
final class Seat {
  final long conversation;

  /** Those that have not ended, in the order of arrival. */
  final Set<ScheduledTurn> turns = new LinkedHashSet<>();

  /** Tokens whose keys and values it has. */
  int cached;

  /** Tokens that its memory has room for: at least those that are cached. */
  int room;

  /** False where the conversation is gone and only its cache is left, for others like it. */
  boolean open = true;

  /** The step in which its last turn ended, or its cache was of use to another one. */
  long lastUsed;

  /** The turn that holds memory; where there is none, what is cached may be dropped. */
  @Nullable ScheduledTurn running;

  /** How far its replies can be guessed. */
  final GuessLength guesses = new GuessLength();

  Seat(long conversation) {
    this.conversation = conversation;
  }
}
