/** Drives a running server and reports what its users would feel. */
@NullMarked
package dev.parley.loadtest;

import org.jspecify.annotations.NullMarked;
