/** Loss, perplexity and sample replies. */
@NullMarked
package dev.parley.trainer.eval;

import org.jspecify.annotations.NullMarked;
