package dev.parley.trainer.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.parley.trainer.sink.TrainingSinks.Warning;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MlflowSinkTest {
  @TempDir Path directory;
  private final List<Warning> warnings = new CopyOnWriteArrayList<>();
  private final Story story = new Story();
  private MlflowStandIn server;

  @BeforeEach
  void open() throws IOException {
    server = new MlflowStandIn();
  }

  @AfterEach
  void close() {
    server.close();
  }

  @Test
  void close_wholeJob_isOneRunWithAllOfIt() {
    story.created();
    story.started();
    story.evaluation(0);
    for (int step = 1; step <= 400; step++) {
      story.step(step);
    }
    story.finished(400);

    tell(Map.of());

    assertThat(server.runs()).hasSize(1);
    MlflowStandIn.Run run = server.runs().get(0);
    assertThat(run.name).isEqualTo("shop 20260101-000000-abcdef");
    assertThat(run.status).isEqualTo("FINISHED");
    assertThat(run.parameters)
        .containsEntry("learning_rate", "0.001")
        .containsEntry("schedule", "LEARNING_RATE_SCHEDULE_COSINE")
        .containsEntry("total_steps", "100");
    assertThat(run.tags)
        .containsEntry("parley.base", "parley-tiny")
        .containsEntry("parley.version", "shop@3")
        .containsEntry("parley.device", "cpu");
    assertThat(run.metrics)
        .contains("0 evaluation/loss 2.5", "2 train/loss 5.0", "3 train/gradient_norm NaN")
        .hasSize(2 + 5 * 400)
        .doesNotHaveDuplicates();
    assertThat(run.batches).allMatch(size -> size <= 1000);
    assertThat(warnings).isEmpty();
  }

  @Test
  void close_jobThatGoesOn_goesOnWithItsRun() {
    story.created();
    story.started();
    story.step(1);
    tell(Map.of());
    int before = server.requests().size();
    story.step(2);
    story.finished(2);

    tell(Map.of());

    assertThat(server.runs()).hasSize(1);
    assertThat(server.runs().get(0).metrics).hasSize(10).doesNotHaveDuplicates();
    assertThat(server.requests().subList(before, server.requests().size()))
        .containsExactly("runs/log-batch", "runs/update");
    int after = server.requests().size();
    tell(Map.of());
    assertThat(server.requests()).as("it knows all").hasSize(after);
  }

  @Test
  void close_stateFileLost_findsItsRunByTheJob() throws IOException {
    story.created();
    story.step(1);
    tell(Map.of());
    java.nio.file.Files.delete(directory.resolve("mlflow.json"));
    story.step(2);

    tell(Map.of());

    assertThat(server.runs()).hasSize(1);
    assertThat(server.runs().get(0).metrics).contains("2 train/loss 5.0");
  }

  @Test
  void close_failedAndCancelledJobs_endAsSuch() {
    story.created();
    story.failed("the data is empty");
    tell(Map.of());

    assertThat(server.runs().get(0).status).isEqualTo("FAILED");
    assertThat(server.runs().get(0).tags).containsEntry("parley.error", "the data is empty");
  }

  @Test
  void accept_serverIsAwayForAWhile_missesNothingAndIsSaidOnce() throws Exception {
    server.busy(4);
    try (MlflowSink sink = sink(Map.of(), Duration.ofMinutes(1))) {
      sink.accept(story.created());
      sink.accept(story.step(1));
      sink.accept(story.step(2));
      sink.accept(story.finished(2));
      server.awaitEnd();
    }

    assertThat(server.runs()).hasSize(1);
    assertThat(server.runs().get(0).metrics).hasSize(10);
    assertThat(warnings)
        .singleElement()
        .satisfies(
            warning -> {
              assertThat(warning.reason()).isEqualTo("MLFLOW_FAILED");
              assertThat(warning.message())
                  .contains(server.uri(), "503", "tried again, the job goes on");
            });
  }

  @Test
  void close_serverRefuses_isSaidOnceAndAskedNoMore() {
    server.refuse(403);
    story.created();
    story.step(1);

    tell(Map.of("MLFLOW_TRACKING_TOKEN", "secret"));

    assertThat(server.requests()).hasSize(1);
    assertThat(server.authorizations()).containsExactly("Bearer secret");
    assertThat(warnings)
        .singleElement()
        .satisfies(
            warning ->
                assertThat(warning.message())
                    .contains("403", "not for you", "MLFLOW_TRACKING_TOKEN")
                    .doesNotContain("secret"));
  }

  @Test
  void close_nobodyThere_endsAllTheSame() {
    server.close();
    story.created();
    story.step(1);

    tell(Map.of(), Duration.ofMillis(200)); // and not for as long as the server is away

    assertThat(warnings)
        .isNotEmpty()
        .allMatch(warning -> warning.reason().equals("MLFLOW_FAILED"))
        .allMatch(warning -> warning.message().contains(server.uri()));
  }

  @Test
  void of_user_isBasicAuthentication() {
    MlflowSettings settings =
        MlflowSettings.of(
            "http://127.0.0.1:5000/",
            Map.of(
                "MLFLOW_TRACKING_USERNAME", "ann",
                "MLFLOW_TRACKING_PASSWORD", "pass",
                "MLFLOW_EXPERIMENT_NAME", "shop"));

    assertThat(settings.authorization()).contains("Basic YW5uOnBhc3M=");
    assertThat(settings.experiment()).isEqualTo("shop");
    assertThat(settings).asString().doesNotContain("YW5u");
  }

  @Test
  void of_addressOfNoServer_isNamed() {
    for (String address : new String[] {"file:./mlruns", "databricks", "127.0.0.1:5000"}) {
      assertThatThrownBy(() -> MlflowSettings.of(address, Map.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("MLFLOW_TRACKING_URI is '%s'".formatted(address));
    }
  }

  private void tell(Map<String, String> environment) {
    tell(environment, Duration.ofMinutes(1));
  }

  private void tell(Map<String, String> environment, Duration closeTime) {
    try (MlflowSink sink = sink(environment, closeTime)) {
      story.all().forEach(sink::accept);
    }
  }

  private MlflowSink sink(Map<String, String> environment, Duration closeTime) {
    MlflowSettings settings = MlflowSettings.of(server.uri(), environment);
    return new MlflowSink(
        new MlflowSettings(
            settings.uri(),
            settings.experiment(),
            settings.authorization(),
            Duration.ofMillis(1),
            Duration.ofMillis(1),
            Duration.ofMinutes(1),
            closeTime),
        directory.resolve("mlflow.json"),
        story::from,
        warnings::add);
  }
}
