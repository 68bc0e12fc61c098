package dev.parley.client;

/**
 * What a turn cost, in tokens.
 *
 * @param promptTokens history and message as the model saw them
 * @param cachedPromptTokens those of them whose keys and values were still cached
 * @param generatedTokens the reply, its end of turn included
 * @param droppedHistoryTokens of old turns, dropped to make room for this turn
 */
public record Usage(
    int promptTokens, int cachedPromptTokens, int generatedTokens, int droppedHistoryTokens) {}
