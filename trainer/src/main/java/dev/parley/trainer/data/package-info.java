/** Dialogues: readers, validation, split, labels, batches. */
@NullMarked
package dev.parley.trainer.data;

import org.jspecify.annotations.NullMarked;
