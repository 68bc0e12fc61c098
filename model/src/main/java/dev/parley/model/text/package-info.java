/** Text to token ids and back: tokenizer, dialogues, streaming. */
@NullMarked
package dev.parley.model.text;

import org.jspecify.annotations.NullMarked;
