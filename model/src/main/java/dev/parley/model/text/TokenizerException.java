package dev.parley.model.text;

import org.jspecify.annotations.Nullable;

/** A tokenizer's files are missing or unusable. The message names the file and what is wrong. */
public final class TokenizerException extends RuntimeException {
  TokenizerException(String message) {
    this(message, null);
  }

  TokenizerException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
