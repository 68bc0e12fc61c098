package dev.parley.server.ops;

import java.util.Optional;

/** Whether new work is welcome. */
@FunctionalInterface
interface Readiness {
  /** Why not; empty where it is. */
  Optional<String> problem();
}
