package dev.parley.server.bench;

import java.util.List;

/**
 * What a benchmark found.
 *
 * @param machines what the machine did, once a round
 * @param points what was measured, medians of the rounds
 */
public record Measured<P>(List<Machine> machines, List<P> points) {
  /** Keeps copies. */
  public Measured {
    machines = List.copyOf(machines);
    points = List.copyOf(points);
  }
}
