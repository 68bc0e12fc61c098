package dev.parley.client;

import java.util.OptionalDouble;

/**
 * A reply that was made, and how good the server found it.
 *
 * @param generatedTokens its end of turn included
 * @param meanLogProbability nats per generated token, as the model gives them before sampling rules
 * @param mmiScore log P(source | text) in nats by the backward model, where one was named
 * @param seed as a reply of its own it would have this seed; unsigned
 */
public record Candidate(
    String text,
    FinishReason finishReason,
    int generatedTokens,
    double meanLogProbability,
    OptionalDouble mmiScore,
    long seed) {}
