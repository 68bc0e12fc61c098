package dev.parley.client;

/** What goes on until it is closed, at the latest with its client. */
interface Watch extends AutoCloseable {
  @Override
  void close();
}
