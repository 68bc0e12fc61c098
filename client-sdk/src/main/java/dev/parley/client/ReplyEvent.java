package dev.parley.client;

/** What comes while a reply is streamed: any number of {@link Text}, then one {@link Completed}. */
public sealed interface ReplyEvent {
  /** The next piece of the reply; never half a character. */
  record Text(String piece) implements ReplyEvent {}

  /** The reply is whole: its text is what the pieces add up to. */
  record Completed(Reply reply) implements ReplyEvent {}
}
