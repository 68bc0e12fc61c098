package dev.parley.client;

/** Why a reply ended. */
public enum FinishReason {
  /** The model ended its turn. */
  END_OF_TURN,
  /** A stop text came up; see {@link Reply#stopText()}. */
  STOP_TEXT,
  /** The reply is as long as it was allowed to be. */
  MAX_TOKENS,
  /** The model's context is full. */
  CONTEXT_FULL,
  /** Interrupted by the client; the text is what was delivered. */
  INTERRUPTED,
  /** The deadline of the conversation came. */
  DEADLINE,
  /** A reason that this version of the library does not know. */
  UNKNOWN
}
