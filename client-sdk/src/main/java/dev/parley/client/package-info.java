/** The Java client of Parley: chat, training, models. */
@NullMarked
package dev.parley.client;

import org.jspecify.annotations.NullMarked;
