package dev.parley.server.engine;

import java.util.concurrent.atomic.AtomicBoolean;

/** A conversation's share of the engine's places, from admission on. */
final class ConversationSlot {
  final Dialogue dialogue;

  /** Turns that have not ended. Guarded by {@link Admission}. */
  int turns;

  /** The reader takes no more, as far as is known. Guarded by {@link Admission}. */
  boolean silent;

  final AtomicBoolean closed = new AtomicBoolean();

  ConversationSlot(Dialogue dialogue) {
    this.dialogue = dialogue;
  }
}
