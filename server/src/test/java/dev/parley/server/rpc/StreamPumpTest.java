package dev.parley.server.rpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.parley.v1.ModelServiceGrpc;
import dev.parley.v1.WatchModelsRequest;
import dev.parley.v1.WatchModelsResponse;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StreamPumpTest {
  @Test
  void start_senderThrowsAnError_streamEndsWithInternal() throws Exception {
    ExecutorService executor = Executors.newSingleThreadExecutor();
    Signals signals = new Signals();
    ModelServiceGrpc.ModelServiceImplBase service =
        new ModelServiceGrpc.ModelServiceImplBase() {
          @Override
          public void watchModels(
              WatchModelsRequest request, StreamObserver<WatchModelsResponse> responses) {
            StreamPump.start(
                (ServerCallStreamObserver<WatchModelsResponse>) responses,
                executor,
                "watch",
                signals,
                () -> {
                  throw new NoClassDefFoundError("made by a test");
                });
          }
        };
    Server server =
        InProcessServerBuilder.forName("stream-pump-test").addService(service).build().start();
    ManagedChannel channel = InProcessChannelBuilder.forName("stream-pump-test").build();
    try {
      Throwable end =
          catchThrowable(
              () ->
                  ModelServiceGrpc.newBlockingStub(channel)
                      .withDeadlineAfter(20, TimeUnit.SECONDS)
                      .watchModels(WatchModelsRequest.getDefaultInstance())
                      .hasNext());

      assertThat(Status.fromThrowable(end).getCode()).isEqualTo(Status.Code.INTERNAL);
      assertThat(signals.receivers()).isZero();
    } finally {
      channel.shutdownNow();
      server.shutdownNow();
      executor.shutdownNow();
    }
  }
}
