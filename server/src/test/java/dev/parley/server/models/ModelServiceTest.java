package dev.parley.server.models;

import static dev.parley.server.ops.TestErrors.errorOf;
import static dev.parley.server.ops.TestErrors.violationsOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.server.ops.TestChat;
import dev.parley.server.ops.TestHome;
import dev.parley.server.ops.TestServer;
import dev.parley.v1.DeleteModelVersionRequest;
import dev.parley.v1.DeploymentState;
import dev.parley.v1.GetModelVersionRequest;
import dev.parley.v1.ListModelVersionsRequest;
import dev.parley.v1.ListModelsRequest;
import dev.parley.v1.Model;
import dev.parley.v1.ModelVersion;
import dev.parley.v1.SetModelAliasRequest;
import dev.parley.v1.SetModelAliasResponse;
import dev.parley.v1.WatchModelsRequest;
import dev.parley.v1.WatchModelsResponse;
import io.grpc.Status;
import io.grpc.Status.Code;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelServiceTest {
  @TempDir private Path home;
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(home);
    TestHome.copy(home, "parley-tiny", "m");
    TestHome.copy(home, "parley-tiny", "m");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void setAlias_promotesAndRollsBack_oldVersionUnloadsWhenItsConversationEnds() throws Exception {
    TestChat old = new TestChat(server, "m");
    assertThat(old.setup().getModel().getVersion()).isEqualTo(1);
    assertThat(state("m@1")).isEqualTo(DeploymentState.DEPLOYMENT_STATE_SERVING);
    assertThat(state("m@2")).isEqualTo(DeploymentState.DEPLOYMENT_STATE_NOT_LOADED);

    SetModelAliasResponse promoted = alias("m", "default", 2);

    assertThat(promoted.getPreviousVersion()).isEqualTo(1);
    assertThat(promoted.getModel().getAliasesMap()).containsEntry("default", 2);
    try (TestChat fresh = new TestChat(server, "m")) {
      assertThat(fresh.setup().getModel().getVersion()).isEqualTo(2);
    }
    assertThat(old.say("hello").getModel().getVersion()).isEqualTo(1);
    assertThat(state("m@1")).isEqualTo(DeploymentState.DEPLOYMENT_STATE_DRAINING);
    errorOf(Code.FAILED_PRECONDITION, "MODEL_VERSION_IN_USE", () -> delete("m", 1));
    errorOf(Code.FAILED_PRECONDITION, "MODEL_VERSION_IN_USE", () -> delete("m", 2));

    old.close();
    old.end();

    awaitState("m@1", DeploymentState.DEPLOYMENT_STATE_NOT_LOADED);
    awaitMetricsWithout(
        "parley_model_info{device=\"cpu\",model=\"m\",precision=\"fp32\",version=\"1\"}");
    assertThat(alias("m", "default", 1).getPreviousVersion()).isEqualTo(2);
    delete("m", 2);
    errorOf(Code.NOT_FOUND, "MODEL_NOT_FOUND", () -> get("m@2"));
    assertThat(get("m").getVersion()).isEqualTo(1);
  }

  @Test
  void aliasMovesToADamagedVersion_theOldOneGoesOn_failureIsReported() throws Exception {
    TestHome.copy(home, "parley-tiny", "m", List.of("model.safetensors"));
    try (TestChat before = new TestChat(server, "m")) {
      before.setup();
      alias("m", "default", 3);

      try (TestChat after = new TestChat(server, "m")) {
        assertThat(after.setup().getModel().getVersion()).isEqualTo(1);
        after.say("hello");
      }
      assertThat(state("m@3")).isEqualTo(DeploymentState.DEPLOYMENT_STATE_FAILED);
      assertThat(state("m@1")).isEqualTo(DeploymentState.DEPLOYMENT_STATE_SERVING);
      assertThat(server.get("/metrics").body())
          .contains("parley_model_load_failures_total{model=\"m\"} 1.0");
      assertThat(server.get("/readyz").statusCode()).isEqualTo(200);
      try (TestChat explicit = new TestChat(server, "m@3")) {
        assertThat(explicit.end().getCode()).isEqualTo(Code.UNAVAILABLE);
      }
    }
  }

  @Test
  void generationConfigIsDamaged_loadFails_nothingOfItStaysInMemory() throws Exception {
    TestHome.copy(home, "parley-tiny", "bad", List.of("generation_config.json"));
    try (TestChat chat = new TestChat(server, "bad")) {
      Status end = chat.end();
      assertThat(end.getCode()).isEqualTo(Code.UNAVAILABLE);
      assertThat(end.getDescription()).contains("generation_config.json is damaged");
    }
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .doesNotContain("parley-engine");
    assertThat(server.get("/metrics").body()).doesNotContain("parley_model_info{");
  }

  @Test
  void list_pagesAndDetails() throws Exception {
    var first = server.models().listModels(ListModelsRequest.newBuilder().setPageSize(1).build());
    var second =
        server
            .models()
            .listModels(
                ListModelsRequest.newBuilder().setPageToken(first.getNextPageToken()).build());
    assertThat(first.getModelsList()).extracting(Model::getName).containsExactly("m");
    assertThat(second.getModelsList()).extracting(Model::getName).containsExactly("parley-tiny");
    assertThat(second.getNextPageToken()).isEmpty();

    var versions =
        server
            .models()
            .listModelVersions(ListModelVersionsRequest.newBuilder().setName("m").build());
    assertThat(versions.getVersionsList())
        .extracting(ModelVersion::getVersion)
        .containsExactly(2, 1);
    ModelVersion version = get("m@default");
    assertThat(version.getAliasesList()).containsExactly("default");
    assertThat(version.getArchitecture().getLayers())
        .isEqualTo(Gpt2Config.shape("tiny").layerCount());
    assertThat(version.getArchitecture().getVocabularySize()).isEqualTo(50_257);
    assertThat(version.getFileSha256Map()).containsKeys("config.json", "model.safetensors");
    assertThat(version.getSizeBytes()).isPositive();
    assertThat(version.getLineage().getOrigin()).isEqualTo("embedded");
  }

  @Test
  void watch_firstEverything_thenWhatAnotherProcessChanges() throws Exception {
    Iterator<WatchModelsResponse> models =
        server.models().watchModels(WatchModelsRequest.getDefaultInstance());
    assertThat(models.next().getModel().getVersionCount()).isPositive();

    TestHome.copy(home, "parley-tiny", "zz");

    Model model = models.next().getModel();
    while (!model.getName().equals("zz")) {
      model = models.next().getModel();
    }
    assertThat(model.getAliasesMap()).containsEntry("default", 1);
  }

  @Test
  void badRequests_nameEveryField() throws Exception {
    assertThat(violationsOf(() -> alias("NO", "9", 0)))
        .containsExactlyInAnyOrder("name", "alias", "version");
    assertThat(violationsOf(() -> delete("NO", 0))).containsExactlyInAnyOrder("name", "version");
    assertThat(violationsOf(() -> get(""))).containsExactly("model");
    assertThat(errorOf(Code.NOT_FOUND, "MODEL_NOT_FOUND", () -> get("parley-tyni")))
        .contains("parley-tiny");
    errorOf(Code.NOT_FOUND, "MODEL_NOT_FOUND", () -> alias("m", "default", 9));
    errorOf(
        Code.NOT_FOUND,
        "MODEL_NOT_FOUND",
        () ->
            server
                .models()
                .listModelVersions(ListModelVersionsRequest.newBuilder().setName("x").build()));
  }

  private void awaitState(String reference, DeploymentState wanted) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (state(reference) != wanted && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(state(reference)).isEqualTo(wanted);
  }

  private void awaitMetricsWithout(String line) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (server.get("/metrics").body().contains(line) && System.nanoTime() < end) {
      Thread.onSpinWait();
    }
    assertThat(server.get("/metrics").body()).doesNotContain(line);
  }

  private DeploymentState state(String reference) {
    return get(reference).getDeploymentState();
  }

  private ModelVersion get(String reference) {
    return server
        .models()
        .getModelVersion(GetModelVersionRequest.newBuilder().setModel(reference).build())
        .getVersion();
  }

  private SetModelAliasResponse alias(String name, String alias, int version) {
    return server
        .models()
        .setModelAlias(
            SetModelAliasRequest.newBuilder()
                .setName(name)
                .setAlias(alias)
                .setVersion(version)
                .build());
  }

  private void delete(String name, int version) {
    var unused =
        server
            .models()
            .deleteModelVersion(
                DeleteModelVersionRequest.newBuilder().setName(name).setVersion(version).build());
  }
}
