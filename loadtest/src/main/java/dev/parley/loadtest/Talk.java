package dev.parley.loadtest;

import dev.parley.client.Conversation;
import dev.parley.client.ParleyClient;
import dev.parley.client.ParleyException;
import dev.parley.client.Reply;
import dev.parley.client.ReplyListener;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One conversation of a load test, driven by the events of its stream: no thread waits. A message
 * is due at a moment that does not depend on how the server does: the first one when the
 * conversation is to begin, each later one a think time after the reply before it. All its times
 * are taken from that moment, so that a server which makes its users wait cannot hide it by making
 * the test wait (coordinated omission).
 */
final class Talk implements ReplyListener {
  private final LoadTestOptions options;
  private final Recorder recorder;
  private final ScheduledExecutorService clock;
  private final RandomGenerator random;
  private final Runnable onEnd;
  private final int number;
  private @Nullable Conversation conversation;
  private int said;
  private long due;
  private long lastPiece;
  private boolean pieces;
  private boolean interrupt;

  /**
   * @param number of the conversation, from 0: decides what is said
   * @param due when it is to begin, by {@link System#nanoTime}
   */
  Talk(
      LoadTestOptions options,
      Recorder recorder,
      ScheduledExecutorService clock,
      RandomGenerator random,
      int number,
      long due,
      Runnable onEnd) {
    this.options = options;
    this.recorder = recorder;
    this.clock = clock;
    this.random = random;
    this.number = number;
    this.due = due;
    this.onEnd = onEnd;
  }

  void begin(ParleyClient client) {
    recorder.started();
    long asked = System.nanoTime();
    var unused =
        client
            .chat(options.model())
            .generation(options.generation())
            .firstTokenTimeout(options.patience())
            .betweenTokensTimeout(options.patience())
            .openAsync()
            .whenComplete(
                (opened, failure) -> {
                  if (opened != null) {
                    conversation = opened;
                    recorder.opened(opened.model().reference(), System.nanoTime() - asked);
                    say();
                  } else if (failure instanceof ParleyException error) {
                    recorder.refused(error);
                    end();
                  } else {
                    throw new IllegalStateException("Not a failure of a call", failure);
                  }
                });
  }

  private void say() {
    Conversation open = conversation;
    if (open == null || said == options.turns() || !open.isOpen()) {
      end();
      return;
    }
    String text = options.messages().get((number + said) % options.messages().size());
    said++;
    pieces = false;
    interrupt = random.nextDouble() < options.interruptShare();
    recorder.sent(System.nanoTime() - due);
    var unused = open.stream(text, this);
  }

  @Override
  public void onText(String piece) {
    long now = System.nanoTime();
    if (pieces) {
      recorder.nextPiece(now - lastPiece);
    } else {
      recorder.firstPiece(now - due);
      pieces = true;
      if (interrupt && conversation != null) {
        conversation.interrupt();
      }
    }
    lastPiece = now;
  }

  @Override
  public void onCompleted(Reply reply) {
    long now = System.nanoTime();
    if (!pieces) {
      recorder.firstPiece(now - due); // An empty reply: its end is the first that is heard of it.
    }
    recorder.answered(reply, now - due);
    next(now);
  }

  @Override
  public void onError(ParleyException error) {
    recorder.failedTurn(error);
    next(System.nanoTime());
  }

  private void next(long now) {
    due = now + options.thinkTime().toNanos();
    if (options.thinkTime().isZero()) {
      say();
    } else {
      var unused = clock.schedule(this::say, options.thinkTime().toNanos(), TimeUnit.NANOSECONDS);
    }
  }

  private void end() {
    recorder.ended(options.turns() - said);
    if (conversation != null) {
      conversation.close();
    }
    onEnd.run();
  }
}
