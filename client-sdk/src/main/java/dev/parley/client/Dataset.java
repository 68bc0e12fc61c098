package dev.parley.client;

/**
 * An uploaded dialogue file.
 *
 * @param digest {@code sha256:...}, for {@link TrainingData#dataset}
 */
public record Dataset(String digest, long sizeBytes, int dialogues) {}
