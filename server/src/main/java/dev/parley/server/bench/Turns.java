package dev.parley.server.bench;

import dev.parley.server.engine.ChatEngine;
import dev.parley.server.engine.Conversation;
import dev.parley.server.engine.SamplingParameters;
import dev.parley.server.engine.TurnOutcome;
import dev.parley.server.engine.TurnRequest;
import dev.parley.server.engine.TurnSink;
import dev.parley.server.rpc.RpcException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Turns that begin in the same step and whose replies nobody reads. */
final class Turns {
  private Turns() {}

  /**
   * One turn in each conversation.
   *
   * @param messages tokens, one message for each conversation
   * @return what became of each, in the same order
   */
  static List<TurnOutcome> run(
      ChatEngine engine,
      List<Conversation> conversations,
      List<int[]> messages,
      SamplingParameters sampling)
      throws InterruptedException {
    List<Reader> readers = new ArrayList<>();
    CountDownLatch ended = new CountDownLatch(conversations.size());
    for (int i = 0; i < conversations.size(); i++) {
      Reader reader = new Reader(ended);
      readers.add(reader);
      TurnRequest request =
          new TurnRequest(messages.get(i), sampling, TurnRequest.NEVER, TurnRequest.NEVER);
      conversations.get(i).submit(() -> request, reader);
    }
    readers.forEach(reader -> reader.open = true);
    engine.wake();
    ended.await();
    return readers.stream().map(Reader::outcome).toList();
  }

  /** Milliseconds from a turn's start, when its wait is over, to its first token. */
  static double firstTokenMillis(TurnOutcome outcome) {
    return (outcome.firstTokenNanos() - outcome.queuedNanos()) / 1e6;
  }

  /** Conversations that have just begun. */
  static List<Conversation> open(ChatEngine engine, int count) {
    List<Conversation> conversations = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      conversations.add(engine.open(() -> new int[0]));
    }
    return conversations;
  }

  /** Greedy replies of exactly so many tokens. */
  static SamplingParameters greedy(int newTokens) {
    return new SamplingParameters(
        newTokens, newTokens, false, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), 0);
  }

  /** Reads nothing until it is open, then everything. */
  private static final class Reader implements TurnSink {
    private final CountDownLatch ended;
    private final AtomicReference<@Nullable TurnOutcome> outcome = new AtomicReference<>();
    private final AtomicReference<@Nullable RpcException> error = new AtomicReference<>();
    private volatile boolean open;

    Reader(CountDownLatch ended) {
      this.ended = ended;
    }

    TurnOutcome outcome() {
      TurnOutcome result = outcome.get();
      if (result != null) {
        return result;
      }
      RpcException failure = error.get();
      throw failure != null ? failure : new IllegalStateException("a turn did not end");
    }

    @Override
    public boolean ready() {
      return open;
    }

    @Override
    public @Nullable Stop token(int token) {
      return null;
    }

    @Override
    public void finished(TurnOutcome result) {
      outcome.set(result);
      ended.countDown();
    }

    @Override
    public void failed(RpcException failure) {
      error.set(failure);
      ended.countDown();
    }
  }
}
