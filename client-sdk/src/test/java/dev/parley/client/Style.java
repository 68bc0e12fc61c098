package dev.parley.client;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** The four ways to say something; the tests of what they share run over all. */
enum Style {
  BLOCKING {
    @Override
    Reply say(Conversation conversation, String text) {
      return conversation.say(text);
    }
  },
  ASYNC {
    @Override
    Reply say(Conversation conversation, String text) {
      return join(conversation.sayAsync(text));
    }
  },
  STREAM {
    @Override
    Reply say(Conversation conversation, String text) {
      StringBuilder pieces = new StringBuilder();
      try (ReplyStream stream = conversation.stream(text)) {
        for (ReplyEvent event : stream) {
          if (event instanceof ReplyEvent.Text piece) {
            pieces.append(piece.piece());
          } else if (event instanceof ReplyEvent.Completed completed) {
            return checked(pieces, completed.reply());
          }
        }
      }
      throw new AssertionError("The stream ended without an end");
    }
  },
  LISTENER {
    @Override
    Reply say(Conversation conversation, String text) {
      StringBuilder pieces = new StringBuilder();
      CompletableFuture<Reply> end = new CompletableFuture<>();
      Subscription subscription =
          conversation.stream(
              text,
              new ReplyListener() {
                @Override
                public void onText(String piece) {
                  pieces.append(piece);
                }

                @Override
                public void onCompleted(Reply reply) {
                  end.complete(reply);
                }

                @Override
                public void onError(ParleyException error) {
                  end.completeExceptionally(error);
                }
              });
      Reply reply = join(end);
      if (subscription.isCancelled()) {
        throw new AssertionError("Nobody cancelled");
      }
      return checked(pieces, reply);
    }
  };

  /** Says something and returns the whole reply, or throws what ended it. */
  abstract Reply say(Conversation conversation, String text);

  private static Reply checked(StringBuilder pieces, Reply reply) {
    if (!reply.text().contentEquals(pieces)) {
      throw new AssertionError("Pieces: " + pieces + ", whole: " + reply.text());
    }
    return reply;
  }

  static <T> T join(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
