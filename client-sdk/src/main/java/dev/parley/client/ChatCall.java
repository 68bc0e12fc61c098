package dev.parley.client;

import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.Interrupt;
import dev.parley.v1.SetupComplete;
import dev.parley.v1.TextDelta;
import dev.parley.v1.UserMessage;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/*
 * The stream of one conversation.
 *
 * Locks. `sendLock` orders what is sent: a message and its place in `pending` go together. `lock`
 * guards the state. Sinks, futures and listeners are called without `lock`. `sendLock` is taken
 * before `lock`, never after it.
 *
 * Flow control. One message is asked for at a time, after the one before was taken in. While the
 * reply under way goes to a reader whose buffer is full, nothing is asked for: the server's own flow
 * control then holds its engine back. Unless a further turn waits behind that reply: then the rest
 * of the reply is taken in, at most one reply, because whoever reads may be the one who waits.
 *
 * Turns. The server answers messages in their order, so the first of `pending` is the one under way.
 * A turn that is given up stays in `pending` until the server has ended it, which may be before its
 * turn comes.
 */
final class ChatCall implements ClientResponseObserver<ChatRequest, ChatResponse> {
  private static final Logger log = LoggerFactory.getLogger(ChatCall.class);

  private enum State {
    /** Waiting for the answer to setup. */
    OPENING,
    /** Messages can be sent. */
    OPEN,
    /** Half-closed: replies still come, messages no longer go. */
    FINISHING,
    /** Nothing moves any more. */
    ENDED
  }

  private final ChatSettings settings;
  private final Timers timers;
  private final Consumer<ChatCall> onEnd;
  private final CompletableFuture<SetupComplete> setup = new CompletableFuture<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();

  private final Object sendLock = new Object();
  private final Object lock = new Object();
  private final Deque<Turn> pending = new ArrayDeque<>();
  private State state = State.OPENING;

  /** The message before was taken in, and the next one is not asked for yet. */
  private boolean withheld;

  /** It is withheld until a reader has read. */
  private boolean stalled;

  private boolean closedHere;
  private int sent;
  private @Nullable ParleyException end;
  private @Nullable GoAway goAway;

  /** The thread that is inside a callback of this call: blocking it would block the call. */
  private volatile @Nullable Thread deliverer;

  @SuppressWarnings("NullAway.Init") // Set in beforeStart, before anything else can happen.
  private volatile ClientCallStreamObserver<ChatRequest> requests;

  private ChatCall(ChatSettings settings, Timers timers, Consumer<ChatCall> onEnd) {
    this.settings = settings;
    this.timers = timers;
    this.onEnd = onEnd;
  }

  /** Starts the stream and sends the setup. */
  static ChatCall start(
      Channel channel,
      ChatSettings settings,
      Timers timers,
      Consumer<ChatCall> onStart,
      Consumer<ChatCall> onEnd) {
    ChatCall call = new ChatCall(settings, timers, onEnd);
    onStart.accept(call);
    ChatServiceGrpc.ChatServiceStub stub = ChatServiceGrpc.newStub(channel);
    if (settings.deadline().isPresent()) {
      stub = stub.withDeadlineAfter(settings.deadline().get().toNanos(), TimeUnit.NANOSECONDS);
    }
    var unused = stub.chat(call);
    call.transmit(ChatRequest.newBuilder().setSetup(settings.setup()).build());
    Timers.Timer limit = timers.after(settings.openTimeout(), call::openTimedOut);
    var unusedToo = call.setup.whenComplete((answer, failure) -> limit.cancel());
    return call;
  }

  /** The server's answer to the setup. */
  CompletableFuture<SetupComplete> setup() {
    return setup;
  }

  Optional<GoAway> goAway() {
    synchronized (lock) {
      return Optional.ofNullable(goAway);
    }
  }

  boolean isOpen() {
    synchronized (lock) {
      return state == State.OPEN;
    }
  }

  /** Whether the current thread must not wait for this call. */
  boolean isDelivering() {
    return deliverer == Thread.currentThread();
  }

  /**
   * Sends a message whose reply goes to {@code sink}.
   *
   * @throws ParleyException what ended the conversation
   * @throws IllegalStateException when it was closed on this side
   */
  Turn say(String text, GenerationOptions overrides, TurnSink sink) {
    Turn turn;
    synchronized (sendLock) {
      synchronized (lock) {
        requireOpen();
        turn = new Turn(Integer.toString(++sent), sink);
        pending.add(turn);
        if (pending.size() == 1) {
          watch(turn, settings.firstTokenTimeout(), "FIRST_TOKEN_TIMEOUT");
        }
      }
      transmit(
          ChatRequest.newBuilder()
              .setMessage(
                  UserMessage.newBuilder()
                      .setText(text)
                      .setGeneration(overrides.toProto())
                      .setRequestId(turn.requestId))
              .build());
    }
    pull();
    return turn;
  }

  /** Sends what is neither a message nor the setup. */
  void send(ChatRequest request) {
    synchronized (lock) {
      requireOpen();
    }
    transmit(request);
  }

  /**
   * Gives up on a turn: the server is told, its sink hears {@code error} if there is one, and what
   * still comes of it is dropped. Without effect on a turn that has ended.
   */
  void abandon(Turn turn, @Nullable ParleyException error) {
    synchronized (lock) {
      if (turn.abandoned || !pending.contains(turn)) {
        return;
      }
      turn.abandoned = true;
      turn.unwatch();
    }
    interrupt(turn.requestId);
    if (error != null) {
      turn.sink.failed(error);
    }
    pull();
  }

  /** Ends the reply under way at the server's next step. */
  void interrupt() {
    interrupt("");
  }

  private void interrupt(String requestId) {
    transmit(
        ChatRequest.newBuilder()
            .setInterrupt(Interrupt.newBuilder().setRequestId(requestId))
            .build());
  }

  /** Sends no more, and completes when the replies under way have come. */
  CompletableFuture<Void> finish() {
    synchronized (sendLock) {
      synchronized (lock) {
        closedHere = true;
        if (state != State.OPEN) {
          return ended;
        }
        state = State.FINISHING;
      }
      requests.onCompleted();
    }
    pull();
    return ended;
  }

  /** Ends the conversation: politely when nothing is under way, else at once. */
  void close(String why) {
    boolean busy;
    synchronized (lock) {
      closedHere = true;
      busy = state == State.OPENING || pending.stream().anyMatch(turn -> !turn.abandoned);
    }
    if (busy) {
      end(Errors.local(Status.Code.CANCELLED, "CLOSED", why, null));
      requests.cancel(why, null);
    } else {
      var unused = finish();
    }
  }

  /** Asks for the next message of the server, unless it has to wait for a reader. */
  void pull() {
    synchronized (lock) {
      if (!withheld) {
        return;
      }
      Turn turn = pending.peekFirst();
      if (turn != null && mustWait(turn)) {
        stalled = true;
        turn.unwatch();
        return;
      }
      withheld = false;
      if (stalled) {
        stalled = false;
        if (turn != null && !turn.abandoned) {
          watch(turn, settings.betweenTokensTimeout(), "TOKEN_TIMEOUT");
        }
      }
    }
    requests.request(1);
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<ChatRequest> requestStream) {
    requests = requestStream;
    requestStream.disableAutoRequestWithInitial(1);
  }

  @Override
  public void onNext(ChatResponse response) {
    deliverer = Thread.currentThread();
    try {
      switch (response.getResponseCase()) {
        case SETUP_COMPLETE -> opened(response.getSetupComplete());
        case TEXT_DELTA -> text(response.getTextDelta());
        case TURN_COMPLETE -> {
          Reply reply = Convert.reply(response.getTurnComplete());
          ended(response.getTurnComplete().getRequestId(), sink -> sink.completed(reply));
        }
        case TURN_FAILED -> {
          ParleyException error = Errors.from(response.getTurnFailed().getStatus(), null);
          ended(response.getTurnFailed().getRequestId(), sink -> sink.failed(error));
        }
        case GO_AWAY -> goAway(response.getGoAway());
        case RESPONSE_NOT_SET -> log.debug("Ignoring a message of a newer server");
      }
    } finally {
      deliverer = null;
    }
    synchronized (lock) {
      withheld = true;
    }
    pull();
  }

  @Override
  public void onError(Throwable failure) {
    end(Errors.from(failure));
  }

  @Override
  public void onCompleted() {
    boolean truncated;
    synchronized (lock) {
      truncated = state == State.OPENING || pending.stream().anyMatch(turn -> !turn.abandoned);
    }
    end(
        truncated
            ? Errors.local(
                Status.Code.INTERNAL,
                "TRUNCATED",
                "The server ended the conversation before it had answered",
                null)
            : Errors.local(
                Status.Code.UNAVAILABLE, "ENDED", "The server has ended the conversation", null));
  }

  private void opened(SetupComplete answer) {
    synchronized (lock) {
      if (state != State.OPENING) {
        return;
      }
      state = State.OPEN;
    }
    setup.complete(answer);
  }

  private void text(TextDelta delta) {
    Turn turn;
    synchronized (lock) {
      turn = find(delta.getRequestId());
      if (turn == null) {
        return;
      }
      if (!turn.abandoned) {
        watch(turn, settings.betweenTokensTimeout(), "TOKEN_TIMEOUT");
      }
    }
    if (!turn.abandoned) {
      turn.sink.text(delta.getText());
    }
  }

  private void ended(String requestId, Consumer<TurnSink> last) {
    Turn turn;
    synchronized (lock) {
      turn = find(requestId);
      if (turn == null) {
        return;
      }
      turn.unwatch();
      boolean first = pending.peekFirst() == turn;
      pending.remove(turn);
      Turn next = pending.peekFirst();
      if (first && next != null && !next.abandoned) {
        watch(next, settings.firstTokenTimeout(), "FIRST_TOKEN_TIMEOUT");
      }
    }
    if (!turn.abandoned) {
      last.accept(turn.sink);
    }
  }

  private void goAway(dev.parley.v1.GoAway message) {
    GoAway event = new GoAway(Convert.duration(message.getTimeLeft()), message.getResumeHandle());
    synchronized (lock) {
      goAway = event;
    }
    settings.onGoAway().accept(event);
  }

  private void end(ParleyException error) {
    List<Turn> failed;
    synchronized (lock) {
      if (state == State.ENDED) {
        return;
      }
      state = State.ENDED;
      end = error;
      failed = new ArrayList<>(pending);
      pending.clear();
      failed.forEach(Turn::unwatch);
    }
    onEnd.accept(this);
    setup.completeExceptionally(error);
    for (Turn turn : failed) {
      if (!turn.abandoned) {
        // Each turn its own: stack traces and suppressed exceptions are not shared.
        turn.sink.failed(Errors.typed(error.details(), error.getCause()));
      }
    }
    ended.complete(null);
  }

  private void openTimedOut() {
    String message =
        "The conversation was not open after " + settings.openTimeout() + "; see openTimeout(..)";
    end(Errors.local(Status.Code.DEADLINE_EXCEEDED, "OPEN_TIMEOUT", message, null));
    requests.cancel(message, null);
  }

  /** The turn that a message of the server belongs to. */
  private @Nullable Turn find(String requestId) {
    for (Turn turn : pending) {
      if (requestId.isEmpty() || turn.requestId.equals(requestId)) {
        return turn;
      }
    }
    return null;
  }

  private boolean mustWait(Turn turn) {
    return pending.size() == 1 && state == State.OPEN && !turn.abandoned && turn.sink.full();
  }

  private void watch(Turn turn, Optional<Duration> limit, String reason) {
    turn.unwatch();
    limit.ifPresent(
        duration -> turn.watch(timers, duration, watch -> expired(turn, watch, duration, reason)));
  }

  private void expired(Turn turn, int watch, Duration limit, String reason) {
    synchronized (lock) {
      if (!turn.isWatch(watch)) {
        return; // The token came while the timer was going off.
      }
    }
    String message =
        reason.equals("FIRST_TOKEN_TIMEOUT")
            ? "No first token within " + limit
            : "No further token within " + limit;
    abandon(turn, Errors.local(Status.Code.DEADLINE_EXCEEDED, reason, message, null));
  }

  private void requireOpen() {
    if (state == State.OPEN) {
      return;
    }
    if (closedHere || end == null) {
      throw new IllegalStateException("The conversation is closed; open another one");
    }
    throw Errors.typed(end.details(), end);
  }

  private void transmit(ChatRequest request) {
    synchronized (sendLock) {
      synchronized (lock) {
        if (state == State.ENDED || state == State.FINISHING) {
          return;
        }
      }
      try {
        requests.onNext(request);
      } catch (IllegalStateException cancelled) {
        // Cancelled meanwhile by another thread, which has told every turn.
        log.debug("Not sent: the conversation has ended", cancelled);
      }
    }
  }
}
