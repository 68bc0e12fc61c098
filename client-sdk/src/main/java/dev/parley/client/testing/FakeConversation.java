package dev.parley.client.testing;

import dev.parley.client.FinishReason;
import dev.parley.v1.BargeInPolicy;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.GoAway;
import dev.parley.v1.ServedModel;
import dev.parley.v1.SetupComplete;
import dev.parley.v1.TextDelta;
import dev.parley.v1.Timings;
import dev.parley.v1.TurnComplete;
import dev.parley.v1.TurnFailed;
import dev.parley.v1.Usage;
import dev.parley.v1.UserMessage;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One stream of a {@link FakeParleyServer}: keeps the contract's order, sends only what the client
 * has asked for. Everything happens under its monitor.
 */
final class FakeConversation implements StreamObserver<ChatRequest> {
  private final FakeChatService service;
  private final ServerCallStreamObserver<ChatResponse> responses;
  private final String id;
  private final Deque<Said> waiting = new ArrayDeque<>();
  private final Deque<Said> withdrawn = new ArrayDeque<>();
  private final StringBuilder delivered = new StringBuilder();
  private @Nullable ChatSetup setup;
  private @Nullable GoAway goAway;
  private ServedModel model = ServedModel.getDefaultInstance();
  private @Nullable UserMessage message;
  private FakeReply reply = FakeReply.of();
  private int said;
  private int turn;
  private int piece;
  private boolean interrupted;
  private boolean halfClosed;
  private boolean ended;

  /** A message and the number of its turn. */
  private record Said(int turn, UserMessage message) {}

  FakeConversation(
      FakeChatService service, String id, ServerCallStreamObserver<ChatResponse> responses) {
    this.service = service;
    this.id = id;
    this.responses = responses;
    responses.setOnReadyHandler(this::pump);
    responses.setOnCancelHandler(this::cancelled);
  }

  @Override
  public synchronized void onNext(ChatRequest request) {
    switch (request.getRequestCase()) {
      case SETUP -> open(request.getSetup());
      case MESSAGE -> {
        waiting.add(new Said(++said, request.getMessage()));
        service.said(request.getMessage());
        if (setup != null
            && setup.getBargeInPolicy() == BargeInPolicy.BARGE_IN_POLICY_INTERRUPT
            && message != null) {
          interrupted = true;
        }
      }
      case INTERRUPT -> {
        service.interrupted();
        interrupt(request.getInterrupt().getRequestId());
      }
      case FEEDBACK -> service.judged(request.getFeedback());
      case REQUEST_NOT_SET -> fail(FakeError.invalid("request", "nothing is set"));
    }
    pump();
  }

  @Override
  public synchronized void onCompleted() {
    halfClosed = true;
    pump();
  }

  @Override
  public void onError(Throwable cancelled) {
    cancelled();
  }

  synchronized void announce(GoAway announcement) {
    goAway = announcement;
    pump();
  }

  synchronized void fail(FakeError error) {
    if (!ended) {
      end();
      responses.onError(error.toException());
    }
  }

  private void open(ChatSetup request) {
    if (setup != null) {
      fail(FakeError.invalid("setup", "comes first and once"));
      return;
    }
    setup = request;
    if (service.isSilent()) {
      return;
    }
    ServedModel served = service.resolve(request.getModel());
    if (served == null) {
      fail(
          FakeError.of(
              Status.Code.NOT_FOUND, "MODEL_NOT_FOUND", "There is no model " + request.getModel()));
      return;
    }
    model = served;
    responses.onNext(
        ChatResponse.newBuilder()
            .setSetupComplete(
                SetupComplete.newBuilder()
                    .setConversationId(id)
                    .setModel(model)
                    .setContextLimitTokens(1024)
                    .setGeneration(request.getGeneration())
                    .setHistoryTokens(request.getHistoryCount()))
            .build());
  }

  private void interrupt(String requestId) {
    if (message == null && !waiting.isEmpty()) {
      begin(waiting.remove()); // Said, though the client has not asked for its reply yet.
    }
    if (message != null && (requestId.isEmpty() || requestId.equals(requestId()))) {
      interrupted = true;
      return;
    }
    for (Said behind : waiting) {
      if (!requestId.isEmpty() && behind.message().getRequestId().equals(requestId)) {
        waiting.remove(behind);
        withdrawn.add(behind);
        return;
      }
    }
  }

  /** Sends what can be sent now. */
  private synchronized void pump() {
    while (!ended && responses.isReady()) {
      if (goAway != null) {
        responses.onNext(ChatResponse.newBuilder().setGoAway(goAway).build());
        goAway = null;
      } else if (!withdrawn.isEmpty()) {
        Said behind = withdrawn.remove();
        responses.onNext(
            ChatResponse.newBuilder()
                .setTurnComplete(
                    complete(behind.turn(), behind.message(), FinishReason.INTERRUPTED))
                .build());
      } else if (message == null && waiting.isEmpty()) {
        if (halfClosed) {
          end();
          responses.onCompleted();
        }
        return;
      } else if (message == null) {
        begin(waiting.remove());
      } else if (interrupted) {
        complete(FinishReason.INTERRUPTED);
      } else if (!paused()) {
        step();
      } else {
        return;
      }
    }
  }

  private void begin(Said next) {
    message = next.message();
    turn = next.turn();
    piece = 0;
    delivered.setLength(0);
    // A message that came with the interrupting policy and waits behind this one.
    interrupted =
        setup != null
            && setup.getBargeInPolicy() == BargeInPolicy.BARGE_IN_POLICY_INTERRUPT
            && !waiting.isEmpty();
    reply = service.replyTo(next.message().getText());
  }

  private boolean paused() {
    CompletableFuture<?> until = reply.pauses.get(piece);
    if (until == null || until.isDone()) {
      return false;
    }
    var unused = until.whenComplete((value, failure) -> pump());
    return !until.isDone();
  }

  private void step() {
    if (piece < reply.pieces.size()) {
      String text = reply.pieces.get(piece++);
      delivered.append(text);
      service.delivered();
      responses.onNext(
          ChatResponse.newBuilder()
              .setTextDelta(
                  TextDelta.newBuilder().setTurn(turn).setRequestId(requestId()).setText(text))
              .build());
      return;
    }
    switch (reply.ending) {
      case COMPLETE -> complete(reply.finishReason);
      case TURN_FAILS -> {
        responses.onNext(
            ChatResponse.newBuilder()
                .setTurnFailed(
                    TurnFailed.newBuilder()
                        .setTurn(turn)
                        .setRequestId(requestId())
                        .setStatus(reply.error.orElseThrow().toProto()))
                .build());
        message = null;
      }
      case STREAM_FAILS -> fail(reply.error.orElseThrow());
      case STREAM_TRUNCATED -> {
        end();
        responses.onCompleted();
      }
    }
  }

  private TurnComplete.Builder complete(int number, UserMessage answered, FinishReason reason) {
    return TurnComplete.newBuilder()
        .setTurn(number)
        .setRequestId(answered.getRequestId())
        .setFinishReason(dev.parley.v1.FinishReason.valueOf("FINISH_REASON_" + reason.name()))
        .setTimings(Timings.getDefaultInstance())
        .setSeed(answered.getGeneration().getSeed())
        .setModel(model);
  }

  private void complete(FinishReason reason) {
    UserMessage answered = message == null ? UserMessage.getDefaultInstance() : message;
    TurnComplete.Builder complete =
        complete(turn, answered, reason)
            .setText(delivered.toString())
            .setUsage(Usage.newBuilder().setPromptTokens(turn).setGeneratedTokens(piece + 1));
    if (reason == FinishReason.STOP_TEXT) {
      reply.stopText.ifPresent(complete::setStopText);
    }
    responses.onNext(ChatResponse.newBuilder().setTurnComplete(complete).build());
    message = null;
    interrupted = false;
  }

  private String requestId() {
    return message == null ? "" : message.getRequestId();
  }

  private synchronized void cancelled() {
    if (!ended) {
      end();
      service.wasCancelled();
    }
  }

  private void end() {
    ended = true;
    service.ended(this);
  }
}
