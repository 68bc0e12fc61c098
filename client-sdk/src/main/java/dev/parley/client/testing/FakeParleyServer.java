package dev.parley.client.testing;

import dev.parley.client.GoAway;
import dev.parley.client.ParleyClient;
import dev.parley.client.Rating;
import dev.parley.v1.TrainRequest;
import io.grpc.BindableService;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * A Parley server for tests: in this process, without a network and without a model. It answers
 * what it is told to, keeps the contract's order and flow control, and remembers what it heard.
 *
 * <pre>{@code
 * try (FakeParleyServer server = FakeParleyServer.start();
 *     ParleyClient client = server.client();
 *     Conversation conversation = client.chat("parley-tiny").open()) {
 *   server.answer(FakeReply.of("At ", "eight."));
 *   assertThat(conversation.say("When do you open?").text()).isEqualTo("At eight.");
 * }
 * }</pre>
 *
 * <p>Unlike a real server it enforces no message sizes, counts pieces in place of tokens, and takes
 * no time; {@link FakeReply#pausedBefore} and {@link FakeTraining#pausedUntil} hold it where a test
 * wants to look. The model {@code parley-tiny} is always there. Thread-safe.
 */
public final class FakeParleyServer implements AutoCloseable {
  private final FakeModelService models = new FakeModelService();
  private final FakeChatService chat = new FakeChatService(models);
  private final FakeTrainingService training = new FakeTrainingService(models);
  private final Server server;
  private final ManagedChannel channel;

  private FakeParleyServer(
      Function<List<BindableService>, Server> serve, Function<Server, ManagedChannel> connect) {
    models.addVersion("parley-tiny");
    server = serve.apply(List.of(chat, training, models));
    channel = connect.apply(server);
  }

  /** A server in this process that answers every message with an echo until told otherwise. */
  public static FakeParleyServer start() {
    String name = InProcessServerBuilder.generateName();
    return new FakeParleyServer(
        services -> started(InProcessServerBuilder.forName(name), services),
        server -> InProcessChannelBuilder.forName(name).build());
  }

  /**
   * As {@link #start}, but listening on a free port of this machine, for programs that take an
   * address. Needs a transport such as grpc-netty-shaded, which the client brings along.
   */
  public static FakeParleyServer listen() {
    return new FakeParleyServer(
        services ->
            started(Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()), services),
        server ->
            Grpc.newChannelBuilder(
                    "localhost:" + server.getPort(), InsecureChannelCredentials.create())
                .build());
  }

  private static Server started(ServerBuilder<?> builder, List<BindableService> services) {
    services.forEach(builder::addService);
    try {
      return builder.build().start();
    } catch (IOException e) {
      throw new UncheckedIOException("The server cannot listen: " + e.getMessage(), e);
    }
  }

  /**
   * Its address, for {@link ParleyClient#connect}.
   *
   * @throws IllegalStateException if it was not made by {@link #listen}
   */
  public String target() {
    if (server.getPort() < 0) {
      throw new IllegalStateException("This server has no address; make it with listen()");
    }
    return "localhost:" + server.getPort();
  }

  /** A client of this server. */
  public ParleyClient client() {
    return clientBuilder().build();
  }

  /** For a client of this server with settings of its own. */
  public ParleyClient.Builder clientBuilder() {
    return ParleyClient.builder().channel(channel);
  }

  /** Adds the next version of a model; the first becomes its default. */
  public int addVersion(String model) {
    return models.addVersion(model);
  }

  /** How many items a page of a list has. Default 50. */
  public FakeParleyServer pageSize(int items) {
    models.pageSize(items);
    training.pageSize(items);
    return this;
  }

  /** The answer to the next message that has none yet. */
  public FakeParleyServer answer(FakeReply reply) {
    chat.answer(reply);
    return this;
  }

  /** The answer to every message for which {@link #answer} gave none. */
  public FakeParleyServer answerWith(Function<String, FakeReply> function) {
    chat.answerWith(function);
    return this;
  }

  /** The next conversation that is opened ends with this. */
  public FakeParleyServer refuseConversation(FakeError error) {
    chat.refuse(error);
    return this;
  }

  /** From now on no conversation's setup is answered. */
  public FakeParleyServer silent() {
    chat.silent();
    return this;
  }

  /** Announces to every open conversation that the server is about to stop. */
  public void goAway(GoAway announcement) {
    chat.announce(
        dev.parley.v1.GoAway.newBuilder()
            .setTimeLeft(FakeError.proto(announcement.timeLeft()))
            .setResumeHandle(announcement.resumeHandle())
            .build());
  }

  /** Ends every open conversation and every watch of models with this. */
  public void breakStreams(FakeError error) {
    chat.breakAll(error);
    models.breakWatches(error);
  }

  /** The course of the next job that has none yet; without one, a job of a single step. */
  public FakeParleyServer train(FakeTraining script) {
    training.script(script);
    return this;
  }

  /** The next training call about a job ends with this, before it does anything. */
  public FakeParleyServer refuseTraining(FakeError error) {
    training.refuse(error);
    return this;
  }

  /** The texts of all messages that came, in order. */
  public List<String> messages() {
    return chat.messages().stream().map(message -> message.getText()).toList();
  }

  /** The messages themselves. */
  public List<dev.parley.v1.UserMessage> userMessages() {
    return chat.messages();
  }

  /** The ratings that came, by turn. */
  public Map<Integer, Rating> ratings() {
    Map<Integer, Rating> ratings = new HashMap<>();
    chat.feedback()
        .forEach(
            feedback ->
                ratings.put(
                    feedback.getTurn(),
                    feedback.getRating() == dev.parley.v1.Rating.RATING_GOOD
                        ? Rating.GOOD
                        : Rating.BAD));
    return ratings;
  }

  /** How many conversations were ever opened. */
  public int conversations() {
    return chat.conversations();
  }

  /** How many conversations are open. */
  public int openConversations() {
    return chat.openConversations();
  }

  /** How many interrupts came. */
  public int interrupts() {
    return chat.interrupts();
  }

  /** How many conversations their clients cancelled. */
  public int cancellations() {
    return chat.cancellations();
  }

  /** How many pieces of replies were sent. */
  public int deliveredPieces() {
    return chat.deliveredPieces();
  }

  /** The requests for training jobs that came, in order. */
  public List<TrainRequest> trainRequests() {
    return training.requests();
  }

  /** The next upload loses its connection when more than this many bytes have arrived. */
  public void breakUpload(long bytes) {
    training.breakUpload(bytes);
  }

  /** The uploaded files, by digest. */
  public Map<String, byte[]> datasets() {
    Map<String, byte[]> bytes = new HashMap<>();
    training.datasets().forEach((digest, content) -> bytes.put(digest, content.toByteArray()));
    return bytes;
  }

  /**
   * Waits until the server has seen something in its conversations, such as {@code s ->
   * s.interrupts() == 1}.
   *
   * @throws AssertionError if it has not after ten seconds
   */
  public void await(Predicate<FakeParleyServer> condition) {
    chat.await(() -> condition.test(this));
  }

  /** Stops the server; open streams end with UNAVAILABLE. */
  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
    try {
      server.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
