/** ChatService: one conversation per stream, its history buffer, its turns. */
@NullMarked
package dev.parley.server.chat;

import org.jspecify.annotations.NullMarked;
