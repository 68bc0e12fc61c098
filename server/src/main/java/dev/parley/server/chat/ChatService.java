package dev.parley.server.chat;

import com.google.rpc.Code;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** Conversations with served models, one per stream. Thread-safe. */
public final class ChatService extends ChatServiceGrpc.ChatServiceImplBase {
  /** A stream costs little, but one that nobody sets up is held for nothing. */
  private static final Duration SETUP_WAIT = Duration.ofMinutes(1);

  /**
   * Clients send the setup with the stream's first bytes: this many wait for it only on purpose.
   */
  static final int STREAMS_WITHOUT_SETUP = 1_000;

  private static final Duration SETUP_RETRY = Duration.ofSeconds(1);

  private final ServedModels models;
  private final FeedbackSink feedback;
  private final Duration setupWait;
  private final SecureRandom seeds = new SecureRandom();
  private final Set<ChatStream> streams = ConcurrentHashMap.newKeySet();
  private final Set<ChatStream> withoutSetup = new LinkedHashSet<>(); // guarded by itself
  private volatile Optional<Duration> drainTime = Optional.empty();

  /**
   * A service over models.
   *
   * @param feedback takes the judgements that clients send
   */
  public ChatService(ServedModels models, FeedbackSink feedback) {
    this(models, feedback, SETUP_WAIT);
  }

  /**
   * A service over models.
   *
   * @param setupWait a stream whose setup does not come within it ends with INVALID_ARGUMENT
   */
  public ChatService(ServedModels models, FeedbackSink feedback, Duration setupWait) {
    this.models = models;
    this.feedback = feedback;
    this.setupWait = setupWait;
  }

  /** This service, to be served: it answers requests in words that are too large, or are none. */
  public BindableService limited() {
    return () -> ChatRequests.limit(bindService());
  }

  @Override
  public StreamObserver<ChatRequest> chat(StreamObserver<ChatResponse> responses) {
    ServerCallStreamObserver<ChatResponse> call =
        (ServerCallStreamObserver<ChatResponse>) responses;
    ChatStream stream =
        new ChatStream(this, call, Context.current().getDeadline(), streams::remove);
    streams.add(stream);
    waitsForSetup(stream);
    stream.listen(() -> setupOver(stream));
    if (drainTime().isPresent()) {
      stream.fail(draining());
    }
    return stream;
  }

  /** The one that waits longest gives way: a new one is likelier to have its setup on the way. */
  private void waitsForSetup(ChatStream stream) {
    Optional<ChatStream> oldest = Optional.empty();
    synchronized (withoutSetup) {
      withoutSetup.add(stream);
      if (withoutSetup.size() > STREAMS_WITHOUT_SETUP) {
        oldest = withoutSetup.stream().findFirst();
        oldest.ifPresent(withoutSetup::remove);
      }
    }
    oldest.ifPresent(
        first ->
            first.fail(
                RpcException.overloaded(
                    "TOO_MANY_STREAMS_WITHOUT_SETUP",
                    "%d streams came after this one and wait for their setup, which is the limit; send it with the stream"
                        .formatted(STREAMS_WITHOUT_SETUP),
                    SETUP_RETRY)));
  }

  private void setupOver(ChatStream stream) {
    synchronized (withoutSetup) {
      withoutSetup.remove(stream);
    }
  }

  /**
   * Refuses new streams with UNAVAILABLE from now on, and tells running ones with GoAway to finish.
   * They go on: {@link #streams} says when they are done, {@link #closeStreams} ends them.
   */
  public void drain(Duration timeLeft) {
    drainTime = Optional.of(timeLeft);
    streams.forEach(stream -> stream.goAway(timeLeft));
  }

  /** Ends every stream with UNAVAILABLE. */
  public void closeStreams() {
    streams.forEach(stream -> stream.fail(draining()));
  }

  /** Open streams. */
  public int streams() {
    return streams.size();
  }

  ServedModels models() {
    return models;
  }

  FeedbackSink feedback() {
    return feedback;
  }

  Duration setupWait() {
    return setupWait;
  }

  Optional<Duration> drainTime() {
    return drainTime;
  }

  String newConversationId() {
    return UUID.randomUUID().toString();
  }

  long newSeed() {
    return seeds.nextLong();
  }

  static RpcException draining() {
    return RpcException.of(
        Code.UNAVAILABLE,
        "SERVER_DRAINING",
        "the server is about to stop; connect again, to another replica if there is one",
        Map.of());
  }
}
