package dev.parley.client;

/** What a message does that is sent while a reply runs. */
public enum BargeIn {
  /** It waits for the reply to end. */
  QUEUE,
  /** It interrupts the reply and is answered next. */
  INTERRUPT
}
