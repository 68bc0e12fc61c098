package dev.parley.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.client.testing.FakeError;
import dev.parley.client.testing.FakeParleyServer;
import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ModelClientTest {
  private final FakeParleyServer server = FakeParleyServer.start().pageSize(2);
  private final ParleyClient client =
      server.clientBuilder().backoff(attempt -> Optional.of(Duration.ZERO)).build();
  private final ModelClient models = client.models();

  @BeforeEach
  void addVersions() {
    for (int i = 0; i < 3; i++) {
      server.addVersion("barista");
    }
    server.addVersion("waiter");
  }

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  @Test
  void list_severalPages_allModels() {
    assertThat(models.list().map(Model::name)).containsExactly("barista", "parley-tiny", "waiter");
    Model barista = models.list().findFirst().orElseThrow();
    assertThat(barista.latestVersion()).isEqualTo(3);
    assertThat(barista.versionCount()).isEqualTo(3);
    assertThat(barista.defaultVersion()).hasValue(1);
  }

  @Test
  void versions_severalPages_newestFirst() {
    assertThat(models.versions("barista").map(ModelVersion::version)).containsExactly(3, 2, 1);
  }

  @Test
  void versions_unknownModel_throwsModelNotFound() {
    assertThatThrownBy(() -> models.versions("nobody")).isInstanceOf(ModelNotFoundException.class);
  }

  @Test
  void promoteAndRollback_default_movesThereAndBack() {
    AliasChange change = models.promote("barista", 3);
    assertThat(change.previousVersion()).hasValue(1);
    assertThat(models.get("barista").reference()).isEqualTo("barista@3");

    assertThat(models.rollback(change).model().defaultVersion()).hasValue(1);
    assertThat(models.get("barista").deploymentState()).isEqualTo(DeploymentState.SERVING);
  }

  @Test
  void rollback_byName_goesBackToWhatWasTheDefaultBefore() {
    models.promote("barista", 3);
    models.promote("barista", 2);
    Rollback back = models.rollback("barista", 2);
    assertThat(back.rolledBackVersion()).hasValue(2);
    assertThat(back.endedCanary()).isEmpty();
    assertThat(back.model().defaultVersion()).hasValue(3);
    assertThat(back.model().previousDefaultVersion()).hasValue(1);
    assertThatThrownBy(() -> models.rollback("barista", 2)).isInstanceOf(ConflictException.class);
    assertThat(models.rollback("barista").model().defaultVersion()).hasValue(1);
    assertThatThrownBy(() -> models.rollback("barista"))
        .isInstanceOf(ConflictException.class)
        .hasMessageContaining("never another version");
    assertThatThrownBy(() -> models.rollback("nobody")).isInstanceOf(ModelNotFoundException.class);
  }

  @Test
  void rollback_whatWasBetweenIsDeleted_theDefaultItselfIsNothingToGoBackTo() {
    models.promote("barista", 3);
    models.promote("barista", 1);
    models.delete("barista", 3);

    assertThatThrownBy(() -> models.rollback("barista"))
        .as("1, 3, 1 without 3: it never was another version")
        .isInstanceOf(ConflictException.class);
    assertThat(models.list().findFirst().orElseThrow().previousDefaultVersion()).isEmpty();
  }

  @Test
  void changes_thatNoServerTakes_areInvalid() {
    assertThatThrownBy(() -> models.setCanary("barista", 2, 0))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("canary.share");
    assertThatThrownBy(() -> models.setCanary("barista", 2, 1.5))
        .isInstanceOf(InvalidRequestException.class);
    assertThatThrownBy(() -> models.setCanary("barista", 2, Double.NaN))
        .isInstanceOf(InvalidRequestException.class);
    assertThatThrownBy(() -> models.setCanary("barista", 0, 0.5))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("canary.version");
    assertThatThrownBy(() -> models.setAlias("barista", "7", 2))
        .isInstanceOf(InvalidRequestException.class);
    assertThatThrownBy(() -> models.setAlias("barista", "latest", 2))
        .isInstanceOf(InvalidRequestException.class);
    assertThatThrownBy(() -> models.rollback("No Model"))
        .isInstanceOf(InvalidRequestException.class);
    assertThat(models.list().findFirst().orElseThrow().canary()).isEmpty();
  }

  @Test
  void setCanary_isSeenByWatchers_endsWithARollback() {
    models.promote("barista", 2);
    assertThat(models.setCanary("barista", 3, 0.25).canary()).hasValue(new Canary(3, 0.25));
    try (ModelWatch watch = models.watch()) {
      assertThat(watch.take().canary()).hasValue(new Canary(3, 0.25));
    }
    assertThatThrownBy(() -> models.delete("barista", 3)).isInstanceOf(ConflictException.class);
    Rollback back = models.rollback("barista");
    assertThat(back.endedCanary()).hasValue(new Canary(3, 0.25));
    assertThat(back.model().canary()).isEmpty();
    assertThatThrownBy(() -> models.setCanary("barista", 1, 0.25))
        .isInstanceOf(ConflictException.class);
    models.setCanary("barista", 2, 1);
    assertThat(models.endCanary("barista").canary()).isEmpty();
    assertThat(models.endCanary("barista").defaultVersion()).hasValue(1);
  }

  @Test
  void rollback_newAlias_hasNothingToGoBackTo() {
    AliasChange change = models.setAlias("barista", "canary", 2);
    assertThat(models.get("barista@canary").version()).isEqualTo(2);
    assertThatThrownBy(() -> models.rollback(change))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("barista@canary");
  }

  @Test
  void delete_versionInUse_throwsConflictAndKeepsIt() {
    assertThatThrownBy(() -> models.delete("barista", 1)).isInstanceOf(ConflictException.class);
    models.delete("barista", 2);
    assertThat(models.versions("barista").map(ModelVersion::version)).containsExactly(3, 1);
  }

  @Test
  void watch_connectionLost_tellsOnlyWhatChanged() {
    try (ModelWatch watch = models.watch()) {
      assertThat(watch.take().name()).isEqualTo("barista");
      assertThat(watch.take().name()).isEqualTo("parley-tiny");
      assertThat(watch.take().name()).isEqualTo("waiter");

      server.breakStreams(FakeError.of(Status.Code.UNAVAILABLE, "DRAINING", "Stops"));
      server.addVersion("waiter");

      Model waiter = watch.iterator().next();
      assertThat(waiter.name()).isEqualTo("waiter");
      assertThat(waiter.latestVersion()).isEqualTo(2);
    }
  }

  @Test
  void closeWatch_readerWaits_readerGetsCancelled() {
    ModelWatch watch = models.watch();
    for (int i = 0; i < 3; i++) {
      var unused = watch.take();
    }
    CompletableFuture<Model> next = CompletableFuture.supplyAsync(watch::take);
    watch.close();
    assertThatThrownBy(() -> Style.join(next)).isInstanceOf(CancelledException.class);
  }
}
