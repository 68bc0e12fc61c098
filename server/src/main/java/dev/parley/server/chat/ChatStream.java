package dev.parley.server.chat;

import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.Code;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.Feedback;
import dev.parley.v1.GoAway;
import dev.parley.v1.SetupComplete;
import dev.parley.v1.UserMessage;
import io.grpc.Deadline;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One stream: its protocol, and the talk that it holds after the setup. gRPC calls the methods of
 * {@link StreamObserver} one at a time; turns end on the engine's thread.
 *
 * <p>The stream is counted down by one for the client's half and one for each turn under way;
 * whoever takes the last one completes it. Requests are asked for one by one, and not while the
 * client lets a number of answers lie unread.
 */
final class ChatStream implements StreamObserver<ChatRequest> {
  private static final Logger log = LoggerFactory.getLogger(ChatStream.class);

  /** So many requests are read while the client reads nothing: an interrupt still gets through. */
  private static final int READ_AHEAD = 16;

  private final ChatService service;
  private final ServerCallStreamObserver<ChatResponse> call;
  private final Outbox outbox;
  private final @Nullable Deadline deadline;
  private final Consumer<ChatStream> gone;
  private final AtomicInteger halves = new AtomicInteger(1);
  private final AtomicInteger readAhead = new AtomicInteger();
  private final AtomicBoolean paused = new AtomicBoolean();
  private final AtomicBoolean ended = new AtomicBoolean();
  private final CompletableFuture<@Nullable Void> setupCame = new CompletableFuture<>();
  private final AtomicBoolean wentAway = new AtomicBoolean();
  private volatile @Nullable Talk talk;
  private volatile boolean setupAnswered;

  /**
   * Takes over a call.
   *
   * @param deadline of the call
   * @param gone told once, when the stream has ended
   */
  ChatStream(
      ChatService service,
      ServerCallStreamObserver<ChatResponse> call,
      @Nullable Deadline deadline,
      Consumer<ChatStream> gone) {
    this.service = service;
    this.call = call;
    this.outbox = new Outbox(call);
    this.deadline = deadline;
    this.gone = gone;
  }

  /**
   * Registers for what happens to the call; before it begins.
   *
   * @param setupOver told once, when the setup has come or will not come any more
   */
  void listen(Runnable setupOver) {
    call.disableAutoRequest();
    call.setOnCancelHandler(this::end);
    call.setOnReadyHandler(this::readable);
    call.request(1);
    var unused =
        setupCame
            .orTimeout(service.setupWait().toNanos(), TimeUnit.NANOSECONDS)
            .whenComplete(
                (came, late) -> {
                  setupOver.run();
                  if (late != null) {
                    fail(
                        RpcException.invalid(
                            "setup",
                            "is missing: it did not come within %d ms"
                                .formatted(service.setupWait().toMillis())));
                  }
                });
  }

  @Override
  public void onNext(ChatRequest request) {
    if (ended.get()) {
      return;
    }
    try {
      ChatRequests.requireRead(request);
      switch (request.getRequestCase()) {
        case SETUP -> setup(request.getSetup());
        case MESSAGE -> message(talk("a message"), request.getMessage());
        case INTERRUPT -> talk("an interrupt").interrupt(request.getInterrupt());
        case FEEDBACK -> feedback(talk("feedback"), request.getFeedback());
        case REQUEST_NOT_SET ->
            throw RpcException.invalid(
                "request", "is empty, but must be one of setup, message, interrupt or feedback");
      }
      askForMore();
    } catch (RpcException e) {
      fail(e);
    } catch (Throwable e) { // errors too: gRPC would end the call and not tell this stream
      log.error("a chat stream failed", e);
      fail(
          RpcException.of(
              Code.INTERNAL,
              "CHAT_FAILURE",
              "the server failed on this request; its log says more",
              Map.of("cause", e.getClass().getName())));
    }
  }

  private void setup(ChatSetup setup) {
    if (talk != null) {
      throw RpcException.invalid("setup", "was sent before, but must be sent once");
    }
    setupCame.complete(null);
    if (service.drainTime().isPresent()) {
      throw ChatService.draining();
    }
    List<FieldViolation> problems = new ArrayList<>(SetupRules.problems(setup));
    if (!problems.isEmpty()) {
      problems.addAll(
          GenerationRules.problems(setup.getGeneration(), "setup.generation", Integer.MAX_VALUE));
      throw RpcException.invalid(problems);
    }
    Talk begun = Talk.begin(service, setup, outbox, deadline);
    talk = begun;
    if (ended.get()) { // cancelled meanwhile: whoever ended the stream saw no talk
      begun.close();
      return;
    }
    SetupComplete complete = begun.setupComplete();
    log.debug(
        "conversation {} begins with {} version {}",
        complete.getConversationId(),
        complete.getModel().getName(),
        complete.getModel().getVersion());
    outbox.send(ChatResponse.newBuilder().setSetupComplete(complete).build());
    setupAnswered = true;
    service.drainTime().ifPresent(this::goAway);
  }

  private void message(Talk begun, UserMessage message) {
    halves.incrementAndGet();
    boolean underWay = false;
    try {
      underWay = begun.message(message, this::turnEnded);
    } finally {
      if (!underWay) {
        halves.decrementAndGet(); // the client's half is still open: this is not the last one
      }
    }
  }

  private void turnEnded(@Nullable RpcException error) {
    if (error != null && error.toStatus().getCode() == Code.UNAVAILABLE_VALUE) {
      fail(error);
    }
    halfEnded();
  }

  /** A judgement that cannot be written, such as for a full disk, ends no conversation. */
  private void feedback(Talk begun, Feedback feedback) {
    try {
      begun.feedback(feedback);
    } catch (UncheckedIOException e) {
      log.error("a judgement of turn {} is lost", feedback.getTurn(), e);
    }
  }

  private Talk talk(String what) {
    Talk begun = talk;
    if (begun == null) {
      throw RpcException.invalid(
          "setup", "is missing: it must be the first message, but %s came".formatted(what));
    }
    return begun;
  }

  @Override
  public void onCompleted() {
    if (talk == null && !ended.get()) {
      fail(RpcException.invalid("setup", "is missing: the stream was closed before it"));
      return;
    }
    halfEnded();
  }

  /** The call is gone; its onCancel handler does the rest. */
  @Override
  public void onError(Throwable error) {
    end();
  }

  private void halfEnded() {
    if (halves.decrementAndGet() == 0 && !ended.get()) {
      outbox.complete();
      end();
    }
  }

  /** Tells the client to finish, once, where its conversation has begun. */
  void goAway(Duration timeLeft) {
    if (setupAnswered && wentAway.compareAndSet(false, true)) {
      outbox.send(
          ChatResponse.newBuilder()
              .setGoAway(GoAway.newBuilder().setTimeLeft(Durations.fromNanos(timeLeft.toNanos())))
              .build());
    }
  }

  /** Ends the stream with an error. */
  void fail(RpcException error) {
    outbox.fail(error.toStatusRuntimeException());
    end();
  }

  /** The one way out: everything the stream holds is let go of, once. */
  private void end() {
    if (ended.compareAndSet(false, true)) {
      setupCame.complete(null); // nobody waits for it any more
      gone.accept(this);
    }
    Talk begun = talk;
    if (begun != null) {
      begun.close();
    }
  }

  private void askForMore() {
    if (outbox.ready()) {
      readAhead.set(0);
    } else if (readAhead.incrementAndGet() >= READ_AHEAD) {
      paused.set(true);
      if (!outbox.ready() || !paused.compareAndSet(true, false)) {
        return; // readable() asks
      }
    }
    call.request(1);
  }

  private void readable() {
    if (paused.compareAndSet(true, false)) {
      readAhead.set(0);
      call.request(1);
    }
    Talk begun = talk;
    if (begun != null) {
      begun.wake();
    }
  }
}
