package dev.parley.client;

import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ConnectivityState;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A connection to Parley servers: conversations, training jobs, models. Thread-safe; make one and
 * share it. It connects when it is first used.
 *
 * <pre>{@code
 * try (ParleyClient client = ParleyClient.connect("localhost:50051")) {
 *   TrainedVersion version;
 *   try (TrainingRun run =
 *       client
 *           .training()
 *           .start(
 *               TrainingRequest.builder()
 *                   .name("barista")
 *                   .data(Path.of("dialogues.jsonl"))
 *                   .options(TrainingOptions.builder().epochs(3).build())
 *                   .build())) {
 *     for (TrainingEvent event : run) {
 *       if (event instanceof TrainingEvent.Step step) {
 *         System.out.printf("%d/%d loss %.3f%n", step.step(), step.totalSteps(), step.loss());
 *       }
 *     }
 *     version = run.await();
 *   }
 *
 *   try (Conversation conversation = client.chat(version.reference()).open()) {
 *     System.out.println(conversation.say("When do you open?").text());
 *
 *     try (ReplyStream stream = conversation.stream("And on Sundays?")) {
 *       for (ReplyEvent event : stream) {
 *         if (event instanceof ReplyEvent.Text text) {
 *           System.out.print(text.piece());
 *         }
 *       }
 *     }
 *   }
 * }
 * }</pre>
 *
 * <p>Everything throws {@link ParleyException} and its subclasses.
 */
public final class ParleyClient implements AutoCloseable {
  /** How long calls may take that are neither conversations nor watched jobs, if not said else. */
  public static final Duration DEFAULT_DEADLINE = Duration.ofSeconds(30);

  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

  private final ManagedChannel connection;
  private final boolean ownsConnection;
  private final Channel channel;
  private final Duration deadline;
  private final Backoff backoff;
  private final Timers timers;
  private final ClientThreads threads = new ClientThreads();
  private final Set<Watch> watches = ConcurrentHashMap.newKeySet();
  private final Set<ChatCall> calls = ConcurrentHashMap.newKeySet();

  private ParleyClient(Builder builder) {
    ManagedChannel given = builder.channel;
    this.ownsConnection = given == null;
    this.connection = given == null ? Channels.open(builder.target, builder.credentials) : given;
    this.deadline = builder.deadline;
    this.backoff = builder.backoff;
    this.timers = builder.timers == null ? threads : builder.timers;
    Metadata headers = new Metadata();
    headers.merge(builder.headers);
    headers.put(key("parley-client-version"), "java/" + Channels.VERSION);
    List<ClientInterceptor> interceptors = new ArrayList<>();
    interceptors.add(MetadataUtils.newAttachHeadersInterceptor(headers));
    interceptors.addAll(builder.interceptors); // These see the headers and may change them.
    this.channel = ClientInterceptors.interceptForward(connection, interceptors);
  }

  /**
   * A client of one server, without encryption.
   *
   * @param target {@code host:port}, or any gRPC target such as {@code dns:///parley:50051}
   */
  public static ParleyClient connect(String target) {
    return builder().target(target).build();
  }

  /** Starts with {@code localhost:50051}, without encryption. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * A conversation with a model.
   *
   * @param model {@code name}, {@code name@version} or {@code name@alias}; a name alone is its
   *     default version
   */
  public ChatBuilder chat(String model) {
    return new ChatBuilder(this, model);
  }

  /** Training jobs. */
  public TrainingClient training() {
    return new TrainingClient(this);
  }

  /** Models and their versions. */
  public ModelClient models() {
    return new ModelClient(this);
  }

  /**
   * Connects, and waits until a server answers.
   *
   * @throws UnavailableException if none does within {@code limit}
   */
  public void awaitReady(Duration limit) {
    long end = System.nanoTime() + limit.toNanos();
    try {
      ConnectivityState state = connection.getState(true);
      while (state != ConnectivityState.READY) {
        CountDownLatch changed = new CountDownLatch(1);
        connection.notifyWhenStateChanged(state, changed::countDown);
        if (state == ConnectivityState.SHUTDOWN
            || !changed.await(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          throw Errors.local(
              Status.Code.UNAVAILABLE,
              "NOT_READY",
              "No server answers at "
                  + connection.authority()
                  + " within "
                  + limit.toMillis() / 1000.0
                  + " s (state "
                  + state
                  + "); is it running, and is the address right?",
              null);
        }
        state = connection.getState(true);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Errors.local(
          Status.Code.CANCELLED, "THREAD_INTERRUPTED", "Interrupted while connecting", e);
    }
  }

  /** The channel with this client's headers and interceptors, for generated stubs of one's own. */
  public Channel channel() {
    return channel;
  }

  /**
   * Ends open conversations and watches, then the connection: waits up to five seconds for calls
   * under way, then cuts them. A channel that was given to the builder stays open.
   */
  @Override
  public void close() {
    List.copyOf(calls).forEach(call -> call.close("The client was closed"));
    List.copyOf(watches).forEach(Watch::close);
    threads.close();
    if (!ownsConnection) {
      return;
    }
    connection.shutdown();
    try {
      if (!connection.awaitTermination(CLOSE_PATIENCE.toNanos(), TimeUnit.NANOSECONDS)) {
        connection.shutdownNow();
      }
    } catch (InterruptedException e) {
      connection.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  ChatCall startChat(ChatSettings settings) {
    return ChatCall.start(channel, settings, timers, calls::add, calls::remove);
  }

  <T> T unary(Supplier<T> call) {
    try {
      return call.get();
    } catch (StatusRuntimeException e) {
      throw Errors.from(e);
    }
  }

  <S extends AbstractStub<S>> S timed(S stub) {
    return stub.withDeadlineAfter(deadline.toNanos(), TimeUnit.NANOSECONDS);
  }

  ClientThreads threads() {
    return threads;
  }

  Backoff backoff() {
    return backoff;
  }

  void own(Watch watch) {
    watches.add(watch);
  }

  void release(Watch watch) {
    watches.remove(watch);
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** Collects what a client is made of. Not thread-safe. */
  public static final class Builder {
    private String target = "localhost:50051";
    private ChannelCredentials credentials = InsecureChannelCredentials.create();
    private @Nullable ManagedChannel channel;
    private Duration deadline = DEFAULT_DEADLINE;
    private final Metadata headers = new Metadata();
    private final List<ClientInterceptor> interceptors = new ArrayList<>();
    private Backoff backoff = Backoff.DEFAULT;
    private @Nullable Timers timers;

    private Builder() {}

    /** {@code host:port}, or any gRPC target; several addresses are used in turn. */
    public Builder target(String target) {
      this.target = target;
      return this;
    }

    /** A channel of one's own, in place of a target; this client does not close it. */
    public Builder channel(ManagedChannel channel) {
      this.channel = channel;
      return this;
    }

    /** No encryption: the default. */
    public Builder plaintext() {
      credentials = InsecureChannelCredentials.create();
      return this;
    }

    /** TLS with the certificate authorities of the JVM. */
    public Builder tls() {
      return tls(TlsChannelCredentials.create());
    }

    /** TLS, or whatever else the credentials say. */
    public Builder tls(ChannelCredentials credentials) {
      this.credentials = credentials;
      return this;
    }

    /** How long calls may take that are neither conversations nor watched jobs. */
    public Builder deadline(Duration limit) {
      if (limit.isZero() || limit.isNegative()) {
        throw new IllegalArgumentException("deadline is " + limit + "; it must be above 0");
      }
      deadline = limit;
      return this;
    }

    /** Sent with every call, such as {@code authorization}. */
    public Builder header(String name, String value) {
      headers.put(key(name), value);
      return this;
    }

    /** Sees every call, after the headers were set; later ones are nearer to the network. */
    public Builder interceptor(ClientInterceptor interceptor) {
      interceptors.add(interceptor);
      return this;
    }

    Builder backoff(Backoff backoff) {
      this.backoff = backoff;
      return this;
    }

    Builder timers(Timers timers) {
      this.timers = timers;
      return this;
    }

    /** The client; nothing is connected yet. */
    public ParleyClient build() {
      return new ParleyClient(this);
    }
  }
}
