package dev.parley.server.ops;

import java.util.Optional;

/** Whether all is well with the process, or new work is welcome. */
@FunctionalInterface
interface Health {
  /** Why not; empty where it is. */
  Optional<String> problem();
}
