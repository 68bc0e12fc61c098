package dev.parley.loadtest;

import dev.parley.client.Conversation;
import dev.parley.client.ParleyClient;
import dev.parley.client.ParleyException;
import dev.parley.client.Reply;
import dev.parley.client.ReplyListener;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
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
  private final boolean slow;
  private final int lastWord;
  private @Nullable Conversation conversation;
  private int said;
  private long due;
  private long lastPiece;
  private boolean pieces;
  private boolean interrupt;
  private boolean cancelled;
  private long sent;

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
    this.slow = random.nextDouble() < options.slowShare();
    boolean cancel = random.nextDouble() < options.cancelShare();
    this.lastWord = cancel ? 1 + random.nextInt(options.turns()) : 0;
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
                    recorder.notOpened(error, System.nanoTime() - asked);
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
    sent = System.nanoTime();
    recorder.sent(sent - due);
    var unused = open.stream(text, this);
  }

  @Override
  public void onText(String piece) {
    long now = System.nanoTime();
    if (pieces) {
      if (!slow) {
        recorder.nextPiece(now - lastPiece);
      }
    } else {
      recorder.firstPiece(now - due);
      pieces = true;
      breakOff();
    }
    if (slow) {
      LockSupport.parkNanos(options.readPause().toNanos());
    }
    lastPiece = now;
  }

  private void breakOff() {
    Conversation open = conversation;
    if (open == null) {
      return;
    }
    if (said == lastWord) {
      cancelled = true;
      open.close();
    } else if (interrupt) {
      open.interrupt();
    }
  }

  @Override
  public void onCompleted(Reply reply) {
    long now = System.nanoTime();
    if (!pieces) {
      recorder.firstPiece(now - due); // An empty reply: its end is the first that is heard of it.
    }
    recorder.answered(reply, now - due, slow);
    next(now);
  }

  @Override
  public void onError(ParleyException error) {
    long now = System.nanoTime();
    if (cancelled) {
      recorder.cancelled();
      said = options.turns(); // nothing is left to say
      end();
      return;
    }
    recorder.failedTurn(error, now - sent);
    next(now);
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
