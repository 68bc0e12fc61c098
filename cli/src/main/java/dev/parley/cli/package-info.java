/** The parley command: one class per subcommand. */
@NullMarked
package dev.parley.cli;

import org.jspecify.annotations.NullMarked;
