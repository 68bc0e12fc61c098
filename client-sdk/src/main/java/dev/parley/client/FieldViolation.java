package dev.parley.client;

/**
 * One wrong field of a request.
 *
 * @param field its path, such as {@code setup.generation.top_p}
 * @param description what is wrong with it and what would be right
 */
public record FieldViolation(String field, String description) {}
