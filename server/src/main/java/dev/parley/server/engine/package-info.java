/** The engine: scheduler, sampling, the one thread that owns the tensors. */
@NullMarked
package dev.parley.server.engine;

import org.jspecify.annotations.NullMarked;
