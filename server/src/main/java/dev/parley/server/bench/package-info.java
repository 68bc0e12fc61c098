/** Benchmarks of the engine on random weights: what it does, and what the machine could do. */
@NullMarked
package dev.parley.server.bench;

import org.jspecify.annotations.NullMarked;
