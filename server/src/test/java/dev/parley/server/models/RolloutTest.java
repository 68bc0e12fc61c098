package dev.parley.server.models;

import static dev.parley.server.ops.TestErrors.errorOf;
import static dev.parley.server.ops.TestErrors.violationsOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.registry.Registry;
import dev.parley.server.engine.Settled;
import dev.parley.server.ops.Scrape;
import dev.parley.server.ops.TestChat;
import dev.parley.server.ops.TestHome;
import dev.parley.server.ops.TestServer;
import dev.parley.v1.Canary;
import dev.parley.v1.DeleteModelVersionRequest;
import dev.parley.v1.DeploymentState;
import dev.parley.v1.EndModelCanaryRequest;
import dev.parley.v1.EndModelCanaryResponse;
import dev.parley.v1.GetModelVersionRequest;
import dev.parley.v1.ListModelsRequest;
import dev.parley.v1.Model;
import dev.parley.v1.RollbackModelRequest;
import dev.parley.v1.RollbackModelResponse;
import dev.parley.v1.SetModelAliasRequest;
import dev.parley.v1.SetModelCanaryRequest;
import dev.parley.v1.SetModelCanaryResponse;
import dev.parley.v1.WatchModelsRequest;
import dev.parley.v1.WatchModelsResponse;
import io.grpc.Status.Code;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Canaries and rollbacks over gRPC, under conversations with real models. */
class RolloutTest {
  @TempDir private Path home;
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(home);
    for (int version = 1; version <= 3; version++) {
      TestHome.copy(home, "parley-tiny", "m");
    }
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void canary_half_getsAboutHalfOfTheNewConversations_noneThatAskForSomethingElse()
      throws Exception {
    try (TestChat first = new TestChat(server, "m")) {
      assertThat(first.setup().getModel().getVersion()).isEqualTo(1);
    }

    Model model = canary(2, 0.5).getModel();

    assertThat(model.getCanary()).isEqualTo(proto(2, 0.5));
    awaitState(2, DeploymentState.DEPLOYMENT_STATE_SERVING);
    int conversations = 200;
    int drawn = 0;
    for (int i = 0; i < conversations; i++) {
      drawn += version("m") == 2 ? 1 : 0;
    }
    assertThat(drawn).as("7 standard deviations around 100").isBetween(50, 150);
    for (int i = 0; i < 20; i++) {
      assertThat(version("m@1")).isEqualTo(1);
      assertThat(version("m@default")).isEqualTo(1);
      assertThat(version("m@3")).isEqualTo(3);
    }
    assertThat(server.models().listModels(ListModelsRequest.getDefaultInstance()).getModels(0))
        .isEqualTo(model);
    assertThat(server.get("/api/models").body())
        .contains("\"canary\":{\"version\":2,\"share\":0.5}");
  }

  @Test
  void rollback_underConversations_newOnesGoBack_runningOnesKeepTheirVersion() throws Exception {
    promote(2);
    try (TestChat onDefault = new TestChat(server, "m")) {
      assertThat(onDefault.setup().getModel().getVersion()).isEqualTo(2);
      canary(3, 1);
      awaitState(3, DeploymentState.DEPLOYMENT_STATE_SERVING);
      TestChat onCanary = new TestChat(server, "m");
      assertThat(onCanary.setup().getModel().getVersion()).isEqualTo(3);
      assertThat(onCanary.say("hello").getModel().getVersion()).isEqualTo(3);
      assertThat(onDefault.say("hello").getModel().getVersion()).isEqualTo(2);
      errorOf(Code.FAILED_PRECONDITION, "MODEL_VERSION_IN_USE", () -> delete(3));

      RollbackModelResponse rollback = rollback(2);

      assertThat(rollback.getModel().getAliasesMap()).containsEntry("default", 1);
      assertThat(rollback.getModel().hasCanary()).isFalse();
      assertThat(rollback.getRolledBackVersion()).isEqualTo(2);
      assertThat(rollback.getEndedCanary()).isEqualTo(proto(3, 1));
      assertThat(version("m")).isEqualTo(1);
      assertThat(onCanary.say("still there?").getModel().getVersion()).isEqualTo(3);
      assertThat(onDefault.say("still there?").getModel().getVersion()).isEqualTo(2);
      awaitState(3, DeploymentState.DEPLOYMENT_STATE_DRAINING);
      errorOf(Code.FAILED_PRECONDITION, "MODEL_VERSION_IN_USE", () -> delete(3));
      // A turn is counted after its reader has heard its end.
      Settled.until(() -> Scrape.of(server, "parley_chat_turns_total", "version=\"3\"") == 2);
      Settled.until(() -> Scrape.of(server, "parley_chat_turns_total", "version=\"2\"") == 2);
      Settled.until(
          () -> Scrape.of(server, "parley_chat_turn_seconds_count", "version=\"3\"") == 2);

      onCanary.close();
      onCanary.end();
      awaitState(3, DeploymentState.DEPLOYMENT_STATE_NOT_LOADED);
      delete(3);
    }
  }

  @Test
  void rollback_refused_saysWhyAndChangesNothing() throws Exception {
    assertThat(errorOf(Code.FAILED_PRECONDITION, "NOTHING_TO_ROLL_BACK", () -> rollback(0)))
        .contains("'m' cannot be rolled back");
    promote(2);
    assertThat(errorOf(Code.FAILED_PRECONDITION, "DEFAULT_HAS_MOVED", () -> rollback(3)))
        .contains("its default is version 2, not version 3");
    assertThat(rollback(2).getRolledBackVersion()).isEqualTo(2);
    errorOf(Code.FAILED_PRECONDITION, "DEFAULT_HAS_MOVED", () -> rollback(2)); // a repeated call
    assertThat(version("m")).isEqualTo(1);
  }

  @Test
  void canary_cannotBeLoaded_defaultAnswersAndTheServerIsReady() throws Exception {
    TestHome.copy(home, "parley-tiny", "m", List.of("model.safetensors"));
    try (TestChat running = new TestChat(server, "m")) {
      running.setup();
      canary(4, 1);
      awaitState(4, DeploymentState.DEPLOYMENT_STATE_FAILED);

      for (int i = 0; i < 5; i++) {
        try (TestChat chat = new TestChat(server, "m")) {
          assertThat(chat.setup().getModel().getVersion()).isEqualTo(1);
          chat.say("hello");
        }
      }
      running.say("hello");
    }
    assertThat(server.get("/readyz").statusCode()).isEqualTo(200);
    assertThat(Scrape.of(server, "parley_canary_misses_total")).isGreaterThanOrEqualTo(5);
    assertThat(Scrape.of(server, "parley_model_load_failures_total")).isGreaterThanOrEqualTo(1);
  }

  @Test
  void canary_setByAnotherProcess_isFollowedAndWatched() throws Exception {
    assertThat(version("m")).isEqualTo(1);
    Iterator<WatchModelsResponse> models =
        server.models().watchModels(WatchModelsRequest.getDefaultInstance());
    Registry elsewhere = TestHome.registry(home);

    elsewhere.setCanary("m", new dev.parley.model.registry.Canary(2, 1));

    assertThat(next(models, true).getCanary()).isEqualTo(proto(2, 1));
    awaitState(2, DeploymentState.DEPLOYMENT_STATE_SERVING);
    assertThat(version("m")).isEqualTo(2);
    elsewhere.endCanary("m");
    assertThat(next(models, false).hasCanary()).isFalse();
    assertThat(version("m")).isEqualTo(1);
  }

  @Test
  void setCanary_wrong_namesEveryField() throws Exception {
    assertThat(
            violationsOf(
                () ->
                    server
                        .models()
                        .setModelCanary(
                            SetModelCanaryRequest.newBuilder()
                                .setName("NO")
                                .setCanary(proto(0, Double.NaN))
                                .build())))
        .containsExactlyInAnyOrder("name", "canary.version", "canary.share");
    errorOf(Code.FAILED_PRECONDITION, "CANARY_IS_DEFAULT", () -> canary(1, 0.1));
    errorOf(Code.NOT_FOUND, "MODEL_NOT_FOUND", () -> canary(9, 0.1));
    errorOf(Code.NOT_FOUND, "MODEL_NOT_FOUND", () -> end("x"));
    assertThat(end("m").hasEndedCanary()).isFalse();
    assertThat(canary(2, 0.1).hasPreviousCanary()).isFalse();
    assertThat(canary(3, 0.2).getPreviousCanary()).isEqualTo(proto(2, 0.1));
    assertThat(end("m").getEndedCanary()).isEqualTo(proto(3, 0.2));
  }

  /** The next state of the model that has, or has not, a canary. */
  private static Model next(Iterator<WatchModelsResponse> models, boolean canary) {
    while (true) {
      Model model = models.next().getModel();
      if (model.getName().equals("m") && model.hasCanary() == canary) {
        return model;
      }
    }
  }

  private int version(String reference) throws Exception {
    try (TestChat chat = new TestChat(server, reference)) {
      return chat.setup().getModel().getVersion();
    }
  }

  private void awaitState(int version, DeploymentState wanted) {
    Settled.until(
        () ->
            server
                    .models()
                    .getModelVersion(
                        GetModelVersionRequest.newBuilder().setModel("m@" + version).build())
                    .getVersion()
                    .getDeploymentState()
                == wanted);
  }

  private static Canary proto(int version, double share) {
    return Canary.newBuilder().setVersion(version).setShare(share).build();
  }

  private SetModelCanaryResponse canary(int version, double share) {
    return server
        .models()
        .setModelCanary(
            SetModelCanaryRequest.newBuilder()
                .setName("m")
                .setCanary(proto(version, share))
                .build());
  }

  private EndModelCanaryResponse end(String name) {
    return server.models().endModelCanary(EndModelCanaryRequest.newBuilder().setName(name).build());
  }

  /** From a version that is expected; 0: from whatever it is. */
  private RollbackModelResponse rollback(int expected) {
    RollbackModelRequest.Builder request = RollbackModelRequest.newBuilder().setName("m");
    if (expected > 0) {
      request.setExpectedVersion(expected);
    }
    return server.models().rollbackModel(request.build());
  }

  private void promote(int version) {
    var unused =
        server
            .models()
            .setModelAlias(
                SetModelAliasRequest.newBuilder()
                    .setName("m")
                    .setAlias("default")
                    .setVersion(version)
                    .build());
  }

  private void delete(int version) {
    var unused =
        server
            .models()
            .deleteModelVersion(
                DeleteModelVersionRequest.newBuilder().setName("m").setVersion(version).build());
  }
}
