package dev.parley.model.registry;

/**
 * A version that answers a share of its model's new conversations beside the default.
 *
 * @param version from 1
 * @param share above 0 and at most 1; with 1 the default answers only where the canary cannot
 */
public record Canary(int version, double share) {
  /** Checks the parts. */
  public Canary {
    if (version < 1) {
      throw new IllegalArgumentException(
          "version %d is impossible: versions start at 1".formatted(version));
    }
    if (!(share > 0 && share <= 1)) {
      throw new IllegalArgumentException(
          "share %s is impossible: it is above 0 and at most 1, such as 0.1".formatted(share));
    }
  }
}
