package dev.parley.server.ops;

import dev.parley.server.rpc.ErrorInterceptor;
import dev.parley.v1.ChatServiceGrpc;
import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.TrainingServiceGrpc;
import io.grpc.BindableService;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerInterceptor;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.ChannelzService;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * The gRPC side: the services of the contract with health, reflection and channelz. In the health
 * service {@code ""} is liveness and each service's name its readiness.
 */
final class GrpcServer implements AutoCloseable {
  /** Inline training data comes in one message; larger data is uploaded. */
  private static final int MAX_MESSAGE_BYTES = 64 << 20;

  /**
   * Load balancers and phones ping between turns of a chat; gRPC's 5 minutes would cut them off.
   */
  private static final long PERMITTED_PING_SECONDS = 10;

  /** A client whose machine vanished is noticed within this and the next; its room is then free. */
  private static final long PING_SECONDS = 60;

  private static final long PING_ANSWER_SECONDS = 20;

  /** The latest connections and calls that channelz remembers. */
  private static final int CHANNELZ_PAGE = 100;

  /** Calls that are cancelled get this long to say goodbye. */
  private static final long FAREWELL_SECONDS = 5;

  private static final List<String> SERVICES =
      List.of(
          ChatServiceGrpc.SERVICE_NAME,
          TrainingServiceGrpc.SERVICE_NAME,
          ModelServiceGrpc.SERVICE_NAME);

  /**
   * Logs a stack trace for every client that leaves before it has read everything, which is no
   * concern of this server. Held: weak otherwise.
   */
  private static final Logger NETTY =
      Logger.getLogger("io.grpc.netty.shaded.io.grpc.netty.NettyServerHandler");

  private final Server server;
  private final HealthStatusManager health;

  private GrpcServer(Server server, HealthStatusManager health) {
    this.server = server;
    this.health = health;
  }

  /**
   * Binds and answers; the services are not ready yet.
   *
   * @throws ServerStartException if the address cannot be bound
   */
  @SuppressWarnings("deprecation") // reflection v1alpha: older grpcurl and Postman know no other
  static GrpcServer start(
      HostPort address, ServerInterceptor metrics, BindableService... services) {
    NETTY.setLevel(Level.SEVERE);
    HealthStatusManager health = new HealthStatusManager();
    SERVICES.forEach(name -> health.setStatus(name, ServingStatus.NOT_SERVING));
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(address.toSocketAddress(), InsecureServerCredentials.create())
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .permitKeepAliveTime(PERMITTED_PING_SECONDS, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .keepAliveTime(PING_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(PING_ANSWER_SECONDS, TimeUnit.SECONDS)
            .addService(health.getHealthService())
            .addService(ProtoReflectionServiceV1.newInstance())
            .addService(io.grpc.protobuf.services.ProtoReflectionService.newInstance())
            .addService(ChannelzService.newInstance(CHANNELZ_PAGE))
            .intercept(new ErrorInterceptor())
            .intercept(metrics); // the last one comes first: it sees the status that clients see
    for (BindableService service : services) {
      builder.addService(service);
    }
    Server server = builder.build();
    try {
      server.start();
    } catch (IOException e) {
      throw ServerStartException.notBound(Setting.LISTEN, address, e);
    }
    return new GrpcServer(server, health);
  }

  int port() {
    return server.getPort();
  }

  /** Says for every service of the contract whether it takes new work. */
  void setReady(boolean ready) {
    SERVICES.forEach(name -> health.setStatus(name, status(ready)));
  }

  /** Says whether the process is of any use. */
  void setAlive(boolean alive) {
    health.setStatus("", status(alive));
  }

  private static ServingStatus status(boolean well) {
    return well ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  /** Refuses new calls and ends those that are left with UNAVAILABLE. */
  @Override
  public void close() {
    health.enterTerminalState();
    server.shutdown();
    server.shutdownNow();
    try {
      server.awaitTermination(FAREWELL_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
