package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.client.testing.FakeParleyServer;
import dev.parley.v1.ChatRequest;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ListModelsRequest;
import dev.parley.v1.ListModelsResponse;
import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.SetModelAliasRequest;
import dev.parley.v1.SetModelAliasResponse;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Over a real connection on this machine. */
@Timeout(60)
class ParleyClientTest {
  @Test
  void connect_realConnection_chats() {
    try (FakeParleyServer server = FakeParleyServer.listen();
        ParleyClient client = ParleyClient.connect(server.target())) {
      client.awaitReady(Duration.ofSeconds(20));
      try (Conversation conversation = client.chat("parley-tiny").open()) {
        for (Style style : Style.values()) {
          assertThat(style.say(conversation, "Hi " + style).text())
              .isEqualTo("You said: Hi " + style);
        }
      }
    }
  }

  @Test
  void awaitReady_nobodyListens_saysWhere() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    try (ParleyClient client = ParleyClient.connect("localhost:" + port)) {
      assertThatThrownBy(() -> client.awaitReady(Duration.ofMillis(200)))
          .isInstanceOf(UnavailableException.class)
          .hasMessageContaining("localhost:" + port)
          .hasMessageContaining("within 0.2 s");
      assertThatThrownBy(() -> client.chat("parley-tiny").open())
          .isInstanceOf(UnavailableException.class)
          .hasMessageContaining("refused");
    }
  }

  @Test
  void retries_unavailableServer_readsOnlyAndNoStreams() throws Exception {
    AtomicInteger lists = new AtomicInteger();
    AtomicInteger aliases = new AtomicInteger();
    AtomicInteger chats = new AtomicInteger();
    Server server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(
                new ModelServiceGrpc.ModelServiceImplBase() {
                  @Override
                  public void listModels(
                      ListModelsRequest request, StreamObserver<ListModelsResponse> responses) {
                    if (lists.incrementAndGet() < 3) {
                      responses.onError(Status.UNAVAILABLE.asRuntimeException());
                      return;
                    }
                    responses.onNext(ListModelsResponse.getDefaultInstance());
                    responses.onCompleted();
                  }

                  @Override
                  public void setModelAlias(
                      SetModelAliasRequest request,
                      StreamObserver<SetModelAliasResponse> responses) {
                    aliases.incrementAndGet();
                    responses.onError(Status.UNAVAILABLE.asRuntimeException());
                  }
                })
            .addService(
                new ChatServiceGrpc.ChatServiceImplBase() {
                  @Override
                  public StreamObserver<ChatRequest> chat(StreamObserver<ChatResponse> responses) {
                    chats.incrementAndGet();
                    responses.onError(Status.UNAVAILABLE.asRuntimeException());
                    return new StreamObserver<>() {
                      @Override
                      public void onNext(ChatRequest request) {}

                      @Override
                      public void onError(Throwable failure) {}

                      @Override
                      public void onCompleted() {}
                    };
                  }
                })
            .build()
            .start();
    try (ParleyClient client = ParleyClient.connect("localhost:" + server.getPort())) {
      assertThat(client.models().list()).isEmpty();
      assertThatThrownBy(() -> client.models().promote("a", 1))
          .isInstanceOf(UnavailableException.class);
      assertThatThrownBy(() -> client.chat("a").open()).isInstanceOf(UnavailableException.class);
    } finally {
      server.shutdownNow();
    }
    assertThat(lists).hasValue(3);
    assertThat(aliases).hasValue(1);
    assertThat(chats).hasValue(1);
  }

  @Test
  void everyCall_namesClientAndCarriesHeaders() throws Exception {
    CompletableFuture<Metadata> seen = new CompletableFuture<>();
    Server server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .intercept(
                new ServerInterceptor() {
                  @Override
                  public <Q, R> ServerCall.Listener<Q> interceptCall(
                      ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
                    seen.complete(headers);
                    return next.startCall(call, headers);
                  }
                })
            .addService(new ModelServiceGrpc.ModelServiceImplBase() {})
            .build()
            .start();
    try (ParleyClient client =
        ParleyClient.builder()
            .target("localhost:" + server.getPort())
            .header("authorization", "Bearer abc")
            .build()) {
      assertThatThrownBy(() -> client.models().get("a")).isInstanceOf(UnimplementedException.class);
    } finally {
      server.shutdownNow();
    }
    Metadata headers = seen.join();
    assertThat(headers.get(key("authorization"))).isEqualTo("Bearer abc");
    assertThat(headers.get(key("user-agent"))).startsWith("parley-java/" + Channels.VERSION);
    assertThat(headers.get(key("parley-client-version"))).isEqualTo("java/" + Channels.VERSION);
    assertThat(Channels.VERSION).matches("\\d+\\.\\d+.*");
  }

  @Test
  void deadline_serverSilent_throwsDeadlineExceeded() throws Exception {
    Server server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(
                new ModelServiceGrpc.ModelServiceImplBase() {
                  @Override
                  public void listModels(
                      ListModelsRequest request, StreamObserver<ListModelsResponse> responses) {
                    assertThat(Context.current().getDeadline()).isNotNull();
                  }
                })
            .build()
            .start();
    try (ParleyClient client =
        ParleyClient.builder()
            .target("localhost:" + server.getPort())
            .deadline(Duration.ofMillis(300))
            .build()) {
      assertThatThrownBy(() -> client.models().list())
          .isInstanceOf(DeadlineExceededException.class);
    } finally {
      server.shutdownNow();
    }
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
