package dev.parley.server.engine;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** A conversation's share of the engine's places, from admission on. Thread-safe. */
final class ConversationSlot {
  final Dialogue dialogue;

  /** Turns that have not ended. */
  final AtomicInteger turns = new AtomicInteger();

  final AtomicBoolean closed = new AtomicBoolean();

  ConversationSlot(Dialogue dialogue) {
    this.dialogue = dialogue;
  }
}
