/** Checkpoints as Hugging Face writes them: safetensors, PyTorch's .bin, config.json. */
@NullMarked
package dev.parley.model.checkpoint;

import org.jspecify.annotations.NullMarked;
