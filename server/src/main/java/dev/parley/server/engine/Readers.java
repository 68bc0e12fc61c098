package dev.parley.server.engine;

import java.util.HashSet;
import java.util.Set;
import java.util.function.BiConsumer;

/**
 * Asks readers whether they take more, and parks the turns of those that do not. On the engine
 * thread.
 */
final class Readers {
  private final OpenTurns turns;
  private final Scheduler scheduler;
  private final BiConsumer<Turn, Boolean> asked;

  /**
   * Of some turns.
   *
   * @param asked told about every turn whose reader was asked, and whether he takes more
   */
  Readers(OpenTurns turns, Scheduler scheduler, BiConsumer<Turn, Boolean> asked) {
    this.turns = turns;
    this.scheduler = scheduler;
    this.asked = asked;
  }

  /** Asks those of the next step, and of whoever moves up for one that is parked. */
  void ask() {
    Set<Long> known = new HashSet<>();
    boolean movedUp = true;
    while (movedUp) {
      movedUp = false;
      for (long id : scheduler.candidates()) {
        movedUp |= known.add(id) && !ask(id);
      }
    }
  }

  /** Asks those that are parked. */
  void askParked() {
    scheduler.parked().forEach(this::ask);
  }

  /** Asks the reader of a conversation's first turn. */
  void ask(Dialogue dialogue) {
    Turn first = dialogue.turns.peek();
    if (first != null) {
      ask(first.id);
      first.others().forEach(candidate -> ask(candidate.id));
    }
  }

  /** Whether the row may be in the next step; a reader that fails here ends its whole turn. */
  private boolean ask(long id) {
    Turn turn = turns.find(id);
    if (turn == null) {
      return false; // its reader failed when another row of it was asked
    }
    try {
      boolean ready = turn.sink.ready();
      scheduler.park(id, !ready);
      asked.accept(turn.lead(), ready);
      return ready;
    } catch (RuntimeException e) {
      turns.fail(turn.lead(), EngineErrors.internal(e));
      return false;
    }
  }
}
