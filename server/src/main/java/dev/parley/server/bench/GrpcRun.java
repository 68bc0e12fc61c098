package dev.parley.server.bench;

import dev.parley.model.text.Tokenizer;
import dev.parley.server.chat.ChatService;
import dev.parley.server.chat.ServedModels;
import dev.parley.server.engine.ChatEngine;
import dev.parley.server.rpc.ErrorInterceptor;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ChatSetup;
import dev.parley.v1.GenerationParameters;
import dev.parley.v1.ServedModel;
import dev.parley.v1.UserMessage;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A chat server over one engine and its clients, in this process, over TCP on the loopback
 * interface: the service, codec and transport that users meet. Threads carry the side's name.
 */
final class GrpcRun implements AutoCloseable {
  private static final String MODEL = "bench";
  private static final long FAREWELL_SECONDS = 5;
  private final EventLoopGroup serverLoop;
  private final EventLoopGroup clientLoop;
  private final ExecutorService serverThreads;
  private final Server server;
  private final ManagedChannel channel;

  GrpcRun(ChatEngine engine, Tokenizer tokenizer) {
    serverLoop = loop(0, ThreadTimes.SERVER);
    clientLoop = loop(1, ThreadTimes.CLIENT);
    serverThreads =
        Executors.newCachedThreadPool(new DefaultThreadFactory(ThreadTimes.SERVER, true));
    try {
      server =
          NettyServerBuilder.forAddress(
                  new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                  InsecureServerCredentials.create())
              .channelType(NioServerSocketChannel.class)
              .bossEventLoopGroup(serverLoop)
              .workerEventLoopGroup(serverLoop)
              .executor(serverThreads)
              .addService(new ChatService(new OneModel(engine, tokenizer), judgement -> {}))
              .intercept(new ErrorInterceptor())
              .build()
              .start();
    } catch (IOException e) {
      stopThreads();
      throw new UncheckedIOException(e);
    }
    channel =
        NettyChannelBuilder.forAddress(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), server.getPort()))
            .channelType(NioSocketChannel.class)
            .eventLoopGroup(clientLoop)
            .usePlaintext()
            .directExecutor()
            .build();
  }

  /** Threads of a name; 0 are as many as Netty thinks right. */
  private static EventLoopGroup loop(int threads, String name) {
    return new MultiThreadIoEventLoopGroup(
        threads, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
  }

  /** One turn in each of as many new conversations as there are messages; waits for all replies. */
  void turns(List<String> messages, GenerationParameters generation) throws InterruptedException {
    List<Client> clients = new ArrayList<>();
    for (String unused : messages) {
      clients.add(new Client(channel, generation));
    }
    for (Client client : clients) {
      await(client.ready);
    }
    for (int i = 0; i < clients.size(); i++) {
      clients.get(i).say(messages.get(i));
    }
    for (Client client : clients) {
      await(client.replied);
    }
    clients.forEach(Client::hangUp);
    for (Client client : clients) {
      await(client.ended); // otherwise the server's threads stop in the middle of it
    }
  }

  private static void await(CompletableFuture<?> future) throws InterruptedException {
    try {
      future.get();
    } catch (ExecutionException e) {
      throw Status.fromThrowable(e.getCause()).asRuntimeException();
    }
  }

  /** A conversation's other end. */
  private static final class Client implements StreamObserver<ChatResponse> {
    private final CompletableFuture<Boolean> ready = new CompletableFuture<>();
    private final CompletableFuture<Boolean> replied = new CompletableFuture<>();
    private final CompletableFuture<Boolean> ended = new CompletableFuture<>();
    private final StreamObserver<ChatRequest> requests;

    Client(ManagedChannel channel, GenerationParameters generation) {
      requests = ChatServiceGrpc.newStub(channel).chat(this);
      requests.onNext(
          ChatRequest.newBuilder()
              .setSetup(ChatSetup.newBuilder().setModel(MODEL).setGeneration(generation))
              .build());
    }

    void say(String text) {
      requests.onNext(
          ChatRequest.newBuilder().setMessage(UserMessage.newBuilder().setText(text)).build());
    }

    void hangUp() {
      requests.onCompleted();
    }

    @Override
    public void onNext(ChatResponse response) {
      if (response.hasSetupComplete()) {
        ready.complete(true);
      } else if (response.hasTurnComplete()) {
        replied.complete(true);
      } else if (response.hasTurnFailed()) {
        onError(
            Status.INTERNAL
                .withDescription(response.getTurnFailed().getStatus().getMessage())
                .asRuntimeException());
      }
    }

    @Override
    public void onError(Throwable error) {
      ready.completeExceptionally(error);
      replied.completeExceptionally(error);
      ended.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
      if (replied.isDone()) {
        ended.complete(true);
      } else {
        onError(Status.INTERNAL.withDescription("the stream ended before the reply").asException());
      }
    }
  }

  /** Serves an engine that is its caller's. */
  private record OneModel(ChatEngine engine, Tokenizer tokenizer) implements ServedModels {
    @Override
    public Lease acquireBackward(String modelReference) {
      return acquire(modelReference);
    }

    @Override
    public Lease acquire(String modelReference) {
      return new Lease() {
        @Override
        public ServedModel identity() {
          return ServedModel.newBuilder().setName(MODEL).setVersion(1).build();
        }

        @Override
        public Tokenizer tokenizer() {
          return tokenizer;
        }

        @Override
        public ChatEngine engine() {
          return engine;
        }

        @Override
        public GenerationParameters defaults() {
          return GenerationParameters.getDefaultInstance();
        }

        @Override
        public void close() {}
      };
    }
  }

  private void stopThreads() {
    serverThreads.shutdownNow();
    var unusedServer = serverLoop.shutdownGracefully();
    var unusedClient = clientLoop.shutdownGracefully();
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
    try { // its threads are needed until the last stream has ended
      boolean unused = server.awaitTermination(FAREWELL_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    stopThreads();
  }
}
