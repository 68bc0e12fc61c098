package dev.parley.client;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A whole reply.
 *
 * @param turn counts the turns of the conversation from 1
 * @param stopText which of the stop texts ended the reply, for {@link FinishReason#STOP_TEXT}
 * @param seed the seed that was used, also when the server chose it; unsigned
 * @param candidates what the reply was chosen from, where {@link ChatBuilder#returnCandidates}
 *     asked for it and there was a choice
 * @param chosenCandidate the place of the reply among them
 */
public record Reply(
    int turn,
    String text,
    FinishReason finishReason,
    Optional<String> stopText,
    Usage usage,
    Timings timings,
    long seed,
    ServedModel model,
    List<Candidate> candidates,
    OptionalInt chosenCandidate) {}
