package dev.parley.server.ops;

import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.TrainingServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A real server on ports of the system's choice, with a channel to it. */
public final class TestServer implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 60;

  private final ParleyServer server;
  private final ManagedChannel channel;

  private TestServer(ParleyServer server) {
    this.server = server;
    this.channel =
        NettyChannelBuilder.forAddress("127.0.0.1", server.grpcPort())
            .usePlaintext()
            .maxInboundMessageSize(64 << 20)
            .build();
  }

  /** Starts one; {@code settings} are name, value, name, value. */
  public static TestServer start(Path home, String... settings) {
    return new TestServer(ParleyServer.start(config(home, settings)));
  }

  static ServerConfig config(Path home, String... settings) {
    Map<String, String> flags = new HashMap<>();
    flags.put("home", home.toString());
    flags.put("listen", "127.0.0.1:0");
    flags.put("admin", "127.0.0.1:0");
    flags.put("device", "cpu");
    flags.put("kv-memory", "64m");
    flags.put("trainer-memory", "256m");
    flags.put("drain-time", "200ms");
    for (int i = 0; i < settings.length; i += 2) {
      flags.put(settings[i], settings[i + 1]);
    }
    return ServerConfig.load(flags, Map.of(), Optional.empty());
  }

  public ParleyServer server() {
    return server;
  }

  public ManagedChannel channel() {
    return channel;
  }

  public ChatServiceGrpc.ChatServiceStub chat() {
    return ChatServiceGrpc.newStub(channel).withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  public TrainingServiceGrpc.TrainingServiceBlockingStub training() {
    return TrainingServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  public ModelServiceGrpc.ModelServiceBlockingStub models() {
    return ModelServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  /** GET of an admin page; {@code headers} are name, value, name, value. */
  public HttpResponse<String> get(String path, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(uri(path)).GET();
    if (headers.length > 0) {
      request.headers(headers);
    }
    return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  public URI uri(String path) {
    return URI.create("http://127.0.0.1:" + server.adminPort() + path);
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.close();
  }
}
