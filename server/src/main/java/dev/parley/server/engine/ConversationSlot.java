package dev.parley.server.engine;

import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A conversation's share of the engine's places, from admission on. */
final class ConversationSlot {
  final Dialogue dialogue;

  /** Turns that have not ended. Guarded by {@link Admission}. */
  int turns;

  /** The first of them, where its reader takes no more. Guarded by {@link Admission}. */
  @Nullable Turn unread;

  final AtomicBoolean closed = new AtomicBoolean();

  ConversationSlot(Dialogue dialogue) {
    this.dialogue = dialogue;
  }
}
