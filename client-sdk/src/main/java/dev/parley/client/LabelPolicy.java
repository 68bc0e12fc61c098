package dev.parley.client;

/** Which tokens are learned. A turn's end is learned with the turn; padding only with PADDED. */
public enum LabelPolicy {
  /** Every turn. */
  ALL,
  /** Every turn but the first (DialoGPT). */
  REPLIES,
  /** The turns of the assistant. */
  ASSISTANT,
  /** The last turn. */
  LAST,
  /** Every token and the padding after it, to compare with figures that were counted so. */
  PADDED,
  /** A policy that this version of the library does not know; not for requests. */
  UNKNOWN
}
