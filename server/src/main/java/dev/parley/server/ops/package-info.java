/** Configuration, metrics, health, admin HTTP, the server as a whole. */
@NullMarked
package dev.parley.server.ops;

import org.jspecify.annotations.NullMarked;
