package dev.parley.client;

import java.util.Optional;

/**
 * A whole reply.
 *
 * @param turn counts the turns of the conversation from 1
 * @param stopText which of the stop texts ended the reply, for {@link FinishReason#STOP_TEXT}
 * @param seed the seed that was used, also when the server chose it; unsigned
 */
public record Reply(
    int turn,
    String text,
    FinishReason finishReason,
    Optional<String> stopText,
    Usage usage,
    Timings timings,
    long seed,
    ServedModel model) {}
