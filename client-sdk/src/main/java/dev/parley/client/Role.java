package dev.parley.client;

/** Who said a turn. */
public enum Role {
  USER,
  ASSISTANT
}
