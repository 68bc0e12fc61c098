package dev.parley.server.ops;

import java.util.Optional;

/** What a probe asks: liveness, or readiness. */
@FunctionalInterface
interface Health {
  /** Why not; empty where it is. */
  Optional<String> problem();
}
