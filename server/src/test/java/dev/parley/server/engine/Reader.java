package dev.parley.server.engine;

import dev.parley.server.rpc.RpcException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A sink that keeps everything, and counts how often its turn ended. */
class Reader implements TurnSink {
  final List<Integer> tokens = new ArrayList<>();
  final CompletableFuture<TurnOutcome> outcome = new CompletableFuture<>();
  volatile boolean ready = true;
  int ends;

  @Override
  public boolean ready() {
    return ready;
  }

  @Override
  public synchronized @Nullable Stop token(int token) {
    tokens.add(token);
    return null;
  }

  synchronized List<Integer> tokens() {
    return List.copyOf(tokens);
  }

  @Override
  public synchronized void finished(TurnOutcome value) {
    ends++;
    outcome.complete(value);
  }

  @Override
  public synchronized void failed(RpcException error) {
    ends++;
    outcome.completeExceptionally(error);
  }

  TurnOutcome await() throws Exception {
    return outcome.get(60, TimeUnit.SECONDS);
  }

  RpcException awaitFailure() throws Exception {
    return outcome.handle((value, error) -> (RpcException) error).get(60, TimeUnit.SECONDS);
  }
}
