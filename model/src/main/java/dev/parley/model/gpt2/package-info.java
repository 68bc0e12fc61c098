/** GPT-2: configuration, weights, the program's source, one decoding step, one training step. */
@NullMarked
package dev.parley.model.gpt2;

import org.jspecify.annotations.NullMarked;
