/** The training loop: optimiser steps, schedule, checkpoints. */
@NullMarked
package dev.parley.trainer.loop;

import org.jspecify.annotations.NullMarked;
