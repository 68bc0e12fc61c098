/** A training job: its directory, its event log, its process. */
@NullMarked
package dev.parley.trainer.job;

import org.jspecify.annotations.NullMarked;
