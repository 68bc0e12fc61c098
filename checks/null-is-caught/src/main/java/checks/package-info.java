@NullMarked
package checks;

import org.jspecify.annotations.NullMarked;
