package dev.parley.trainer.data;

import dev.parley.trainer.data.InvalidDataException.Problem;
import java.util.List;

/**
 * What of a file could be read, and what was left out.
 *
 * @param dialogues that could be read
 * @param dropped records that could not
 * @param problems why, of the first 20
 * @param merged rows of a table that the row after them begins with; they are part of its dialogue
 * @param ignored columns or keys that no dialogue takes anything from, in alphabetical order, at
 *     most 50
 */
public record Salvage(
    int dialogues, long dropped, List<Problem> problems, long merged, List<String> ignored) {}
