package dev.parley.trainer.loop;

import dev.parley.model.gpt2.Gpt2Weights;
import java.util.Optional;

/**
 * A checkpoint that was read; weights and training state are in the model already.
 *
 * @param best the weights of {@link Progress#best}; its receiver closes them
 */
public record Restored(Progress progress, Optional<Gpt2Weights> best) {}
