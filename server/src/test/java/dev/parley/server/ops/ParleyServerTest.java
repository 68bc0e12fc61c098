package dev.parley.server.ops;

import static dev.parley.server.ops.TestErrors.errorOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import dev.parley.model.gpt2.Precision;
import dev.parley.v1.ChatResponse;
import dev.parley.v1.GetModelVersionRequest;
import dev.parley.v1.ListModelsRequest;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParleyServerTest {
  @TempDir private Path home;

  @Test
  void start_freshHome_servesTheEmbeddedBase_closeTwiceIsOnce() throws Exception {
    TestServer server = TestServer.start(home, "models", "parley-tiny");

    assertThat(health(server, "")).isEqualTo(ServingStatus.SERVING);
    assertThat(health(server, "parley.v1.ChatService")).isEqualTo(ServingStatus.SERVING);
    assertThat(server.get("/readyz").statusCode()).isEqualTo(200);
    assertThat(server.get("/metrics").body())
        .contains(
            "parley_model_info{device=\"cpu\",model=\"parley-tiny\",precision=\"%s\",version=\"1\"} 1"
                .formatted(Precision.of("auto", Device.cpu())));
    assertThat(home.resolve("server.lock")).hasContent(ProcessHandle.current().pid() + "");
    server.close();
    server.close();

    TestServer.start(home).close(); // the home is free again
  }

  @Test
  void start_portInUse_namesPortAndFlag_nothingRuns() {
    try (TestServer server = TestServer.start(home.resolve("a"))) {
      String grpc = "127.0.0.1:" + server.server().grpcPort();
      String admin = "127.0.0.1:" + server.server().adminPort();

      assertThatThrownBy(() -> TestServer.start(home.resolve("b"), "listen", grpc))
          .isInstanceOf(ServerStartException.class)
          .hasMessageContaining("port %d".formatted(server.server().grpcPort()))
          .hasMessageContaining("in use")
          .hasMessageContaining("--listen");
      assertThatThrownBy(() -> TestServer.start(home.resolve("b"), "admin", admin))
          .isInstanceOf(ServerStartException.class)
          .hasMessageContaining("--admin");
    }
    TestServer.start(home.resolve("b")).close();
  }

  @Test
  void start_homeOfARunningServer_namesItsProcess() {
    try (TestServer server = TestServer.start(home)) {
      assertThat(server.server().grpcPort()).isPositive();
      assertThatThrownBy(() -> TestServer.start(home))
          .isInstanceOf(ServerStartException.class)
          .hasMessageContaining("process " + ProcessHandle.current().pid())
          .hasMessageContaining("--home");
    }
  }

  @Test
  void start_homeIsAFile_says() throws Exception {
    Path file = Files.writeString(home.resolve("file"), "");

    assertThatThrownBy(() -> TestServer.start(file))
        .isInstanceOf(ServerStartException.class)
        .hasMessageContaining("home " + file)
        .hasMessageContaining("cannot be written to");
  }

  @Test
  void start_modelToLoadIsUnknown_namesTheNearest_nothingRuns() {
    assertThatThrownBy(() -> TestServer.start(home, "models", "parley-tyni"))
        .isInstanceOf(ServerStartException.class)
        .hasMessageContaining("--models")
        .hasMessageContaining("parley-tiny");
    TestServer.start(home).close();
  }

  @Test
  void close_conversationOpen_isAskedToGo_thenEndsUnavailable() throws Exception {
    try (TestServer server = TestServer.start(home)) {
      TestChat chat = new TestChat(server, "parley-tiny");
      chat.setup();

      Thread closer = new Thread(server.server()::close);
      closer.start();

      assertThat(((ChatResponse) chat.next()).hasGoAway()).isTrue();
      assertThat(chat.end().getCode()).isEqualTo(Code.UNAVAILABLE);
      closer.join();
    }
  }

  @Test
  void close_conversationThatEnds_isNotCutOff() throws Exception {
    try (TestServer server = TestServer.start(home, "drain-time", "30s")) {
      TestChat chat = new TestChat(server, "parley-tiny");
      chat.setup();
      chat.say("hello");

      Thread closer = new Thread(server.server()::close);
      closer.start();

      assertThat(((ChatResponse) chat.next()).hasGoAway()).isTrue();
      try (TestChat late = new TestChat(server, "parley-tiny")) {
        assertThat(late.end().getCode()).isEqualTo(Code.UNAVAILABLE);
      }
      assertThat(health(server, "parley.v1.ChatService")).isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(server.get("/readyz").statusCode()).isEqualTo(503);
      assertThat(server.get("/livez").statusCode()).isEqualTo(200);
      chat.say("bye");
      chat.close();
      assertThat(chat.end().getCode()).isEqualTo(Code.OK);
      closer.join();
    }
  }

  @Test
  void chat_unknownModel_notFoundNamingTheNearest() throws Exception {
    try (TestServer server = TestServer.start(home);
        TestChat chat = new TestChat(server, "parley-tyni")) {
      Status status = chat.end();
      assertThat(status.getCode()).isEqualTo(Code.NOT_FOUND);
      assertThat(status.getDescription()).contains("parley-tiny");
    }
  }

  @Test
  void unexpectedException_isInternal_withoutItsInside() throws Exception {
    try (TestServer server = TestServer.start(home)) {
      Path manifest = home.resolve("registry/parley-tiny/1/config.json");
      Files.delete(manifest);

      String message =
          errorOf(
              Code.INTERNAL,
              "INTERNAL",
              () ->
                  server
                      .models()
                      .getModelVersion(
                          GetModelVersionRequest.newBuilder().setModel("parley-tiny").build()));

      assertThat(message).contains("request id").doesNotContain(home.toString());
      assertThat(server.models().listModels(ListModelsRequest.getDefaultInstance()).getModelsList())
          .hasSize(1);
    }
  }

  private static ServingStatus health(TestServer server, String service) {
    return HealthGrpc.newBlockingStub(server.channel())
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }
}
