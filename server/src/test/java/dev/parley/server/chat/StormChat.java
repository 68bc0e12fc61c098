package dev.parley.server.chat;

import dev.parley.v1.Candidate;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.TurnComplete;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A client that checks what it reads while it reads it: no piece after a turn's end, one end for
 * each turn, the whole text the sum of its pieces. What is wrong is kept in {@link #faults}.
 */
final class StormChat implements ClientResponseObserver<ChatRequest, ChatResponse> {
  private final int readAtFirst;
  private final Map<Integer, StringBuilder> pieces = new HashMap<>();
  private final Map<Integer, String> ends = new HashMap<>();
  private final List<String> faults = new ArrayList<>();
  private int responses;
  private int chosen;
  private int ranked;
  private @Nullable Status status;
  @Nullable ClientCallStreamObserver<ChatRequest> requests;

  private StormChat(int readAtFirst) {
    this.readAtFirst = readAtFirst;
  }

  /**
   * Opens a stream.
   *
   * @param readAtFirst how many responses are read before {@link #read}; {@link TestChat#READ_ALL}
   *     reads as they come
   */
  static StormChat open(ChatServiceGrpc.ChatServiceStub stub, int readAtFirst) {
    StormChat chat = new StormChat(readAtFirst);
    stub.chat(chat);
    return chat;
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<ChatRequest> observer) {
    requests = observer;
    if (readAtFirst != TestChat.READ_ALL) {
      observer.disableAutoRequestWithInitial(readAtFirst);
    }
  }

  @Override
  public synchronized void onNext(ChatResponse response) {
    responses++;
    notifyAll();
    switch (response.getResponseCase()) {
      case TEXT_DELTA -> {
        int turn = response.getTextDelta().getTurn();
        if (ends.containsKey(turn)) {
          faults.add("turn %d: a piece after its end".formatted(turn));
        }
        if (response.getTextDelta().getText().isEmpty()) {
          faults.add("turn %d: an empty piece".formatted(turn));
        }
        pieces
            .computeIfAbsent(turn, t -> new StringBuilder())
            .append(response.getTextDelta().getText());
      }
      case TURN_COMPLETE -> {
        TurnComplete complete = response.getTurnComplete();
        String sum = pieces.getOrDefault(complete.getTurn(), new StringBuilder()).toString();
        if (!complete.getText().equals(sum)) {
          faults.add(
              "turn %d: the pieces are '%s', the whole is '%s'"
                  .formatted(complete.getTurn(), sum, complete.getText()));
        }
        end(complete.getTurn(), complete.getFinishReason().name());
        chosen += complete.getCandidatesCount() > 1 ? 1 : 0;
        ranked += complete.getCandidatesList().stream().anyMatch(Candidate::hasMmiScore) ? 1 : 0;
      }
      case TURN_FAILED -> {
        com.google.rpc.Status failure = response.getTurnFailed().getStatus();
        end(
            response.getTurnFailed().getTurn(),
            "failed " + Status.fromCodeValue(failure.getCode()).getCode());
      }
      case SETUP_COMPLETE -> {
        if (responses != 1) {
          faults.add("the setup is answered as number " + responses);
        }
      }
      case GO_AWAY, RESPONSE_NOT_SET -> faults.add("unexpected: " + response);
    }
  }

  private void end(int turn, String how) {
    String before = ends.put(turn, how);
    if (before != null) {
      faults.add("turn %d ended twice: %s, %s".formatted(turn, before, how));
    }
  }

  @Override
  public void onError(Throwable error) {
    ended(Status.fromThrowable(error));
  }

  @Override
  public void onCompleted() {
    ended(Status.OK);
  }

  private synchronized void ended(Status how) {
    if (status != null) {
      faults.add("the stream ended twice: %s, %s".formatted(status, how));
    }
    status = how;
    notifyAll();
  }

  /** Replies that were chosen from several candidates. */
  synchronized int chosen() {
    return chosen;
  }

  /** Those of them that a backward model chose. */
  synchronized int ranked() {
    return ranked;
  }

  /** Waits for one more response than there were, or the stream's end. */
  synchronized void awaitAfter(int seen) throws InterruptedException, TimeoutException {
    await(() -> responses > seen);
  }

  /** Waits for a turn's end, or the stream's. */
  synchronized void awaitTurn(int turn) throws InterruptedException, TimeoutException {
    while (status == null && !ends.containsKey(turn)) {
      if (readAtFirst != TestChat.READ_ALL) {
        read(3);
      }
      int seen = responses;
      await(() -> responses > seen);
    }
  }

  synchronized Status awaitEnd() throws InterruptedException, TimeoutException {
    await(() -> false);
    if (status == null) {
      throw new IllegalStateException("the stream has not ended");
    }
    return status;
  }

  private void await(java.util.function.BooleanSupplier enough)
      throws InterruptedException, TimeoutException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (status == null && !enough.getAsBoolean()) {
      long left = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime());
      if (left <= 0) {
        throw new TimeoutException(
            "nothing for two minutes; %d responses, ends %s".formatted(responses, ends));
      }
      wait(left);
    }
  }

  synchronized boolean over() {
    return status != null;
  }

  synchronized int responses() {
    return responses;
  }

  /** How each turn ended. */
  synchronized Map<Integer, String> ends() {
    return Map.copyOf(ends);
  }

  synchronized List<String> faults() {
    return List.copyOf(faults);
  }

  void read(int more) {
    calls().request(more);
  }

  /** Sends, where the stream has not ended; false where it has. */
  boolean send(ChatRequest request) {
    try {
      calls().onNext(request);
      return true;
    } catch (IllegalStateException e) { // gRPC's answer to a stream that ended meanwhile
      return false;
    }
  }

  void halfClose() {
    try {
      calls().onCompleted();
    } catch (IllegalStateException e) {
      // ended meanwhile
    }
  }

  void cancel() {
    calls().cancel("the test cancels", null);
  }

  private ClientCallStreamObserver<ChatRequest> calls() {
    if (requests == null) {
      throw new IllegalStateException("not started");
    }
    return requests;
  }
}
