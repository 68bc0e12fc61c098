package dev.parley.model.registry;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a rollback did.
 *
 * @param version that {@code default} names again
 * @param from what it named till then; empty: nothing
 * @param ended the canary that was taken away with it
 */
public record Rollback(int version, OptionalInt from, Optional<Canary> ended) {}
