package dev.parley.trainer.sink;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingSinksTest {
  @TempDir Path job;

  @Test
  void accept_sinkFails_isSaidOnceAndTheOthersGoOn() throws IOException {
    Files.writeString(job.resolve("tensorboard"), "in the way");
    Story story = new Story();
    try (MlflowStandIn server = new MlflowStandIn()) {
      SinkSettings settings = new SinkSettings(true, Optional.of(server.uri()), Map.of());
      try (TrainingSinks sinks = TrainingSinks.open(job, settings, story::from)) {
        sinks.accept(story.created());
        assertThat(sinks.warnings())
            .singleElement()
            .satisfies(
                warning -> {
                  assertThat(warning.reason()).isEqualTo("TENSORBOARD_FAILED");
                  assertThat(warning.message())
                      .contains("which goes on", job.resolve("tensorboard").toString());
                });
        sinks.accept(story.step(1));
        sinks.accept(story.finished(1));
        assertThat(sinks.warnings()).isEmpty();
      }
      assertThat(server.runs()).hasSize(1);
      assertThat(server.runs().get(0).status).isEqualTo("FINISHED");
    }
    assertThat(job.resolve("tensorboard")).hasContent("in the way");
  }

  @Test
  void open_addressOfNoServer_isAWarning() {
    SinkSettings settings = SinkSettings.of(Map.of("MLFLOW_TRACKING_URI", "databricks"));

    try (TrainingSinks sinks = TrainingSinks.open(job, settings, new Story()::from)) {
      assertThat(sinks.warnings())
          .singleElement()
          .satisfies(warning -> assertThat(warning.message()).contains("'databricks'"));
    }
  }
}
