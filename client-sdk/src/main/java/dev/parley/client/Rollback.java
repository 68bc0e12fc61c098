package dev.parley.client;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What {@link ModelClient#rollback(String)} did.
 *
 * @param model as it stands now
 * @param rolledBackVersion what the default was until then; empty: there was none
 * @param endedCanary the canary that ended with it
 */
public record Rollback(Model model, OptionalInt rolledBackVersion, Optional<Canary> endedCanary) {}
