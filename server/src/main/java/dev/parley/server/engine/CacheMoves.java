package dev.parley.server.engine;

import java.util.List;

/** Carries out what the scheduler decided about cached keys and values. On the engine thread. */
final class CacheMoves {
  private final Scheduler scheduler;
  private final DialogueCaches caches;

  CacheMoves(Scheduler scheduler, DialogueCaches caches) {
    this.scheduler = scheduler;
    this.caches = caches;
  }

  /** Makes the moves of a plan; returns what can still be done of it. */
  Plan make(Plan plan) {
    Plan left = plan;
    for (Plan.Move move : plan.moves()) {
      if (!make(move) && move instanceof Plan.Share share) {
        left = left.without(share.turn());
      }
    }
    return left;
  }

  /** Drops or copies a cache; false where that failed: its tokens are read in the next steps. */
  boolean make(Plan.Move move) {
    if (move instanceof Plan.Drop drop) {
      caches.drop(drop);
    } else if (move instanceof Plan.Share share && !caches.share(share)) {
      scheduler.lose(share.turn());
      return false;
    }
    return true;
  }

  /** Drops what is cached of idle conversations; false where there is nothing. */
  boolean giveUpMemory() {
    List<Plan.Move> drops = scheduler.reclaim();
    drops.forEach(this::make);
    return !drops.isEmpty();
  }
}
