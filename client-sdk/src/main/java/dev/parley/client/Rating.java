package dev.parley.client;

/** How a reply was liked. */
public enum Rating {
  GOOD,
  BAD
}
