package dev.parley.server.ops;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.server.engine.EngineObserver;
import dev.parley.v1.ServedModel;
import org.junit.jupiter.api.Test;

class ModelMetricsTest {
  private static final ServedModel MODEL =
      ServedModel.newBuilder()
          .setName("m")
          .setVersion(2)
          .setPrecision("fp32")
          .setDevice("cpu")
          .build();

  @Test
  void unloaded_afterTheVersionWasLoadedAgain_itsInfoStaysUntilTheLast() {
    try (Metrics metrics = new Metrics()) {
      ModelMetrics models = new ModelMetrics(metrics);
      models.loading(MODEL);
      models.loading(MODEL).turnRefused();

      models.unloaded(MODEL);

      assertThat(metrics.scrape("").text())
          .contains(
              "parley_model_info{device=\"cpu\",model=\"m\",precision=\"fp32\",version=\"2\"} 1")
          .contains(
              "parley_chat_turns_total{finish_reason=\"refused\",model=\"m\",version=\"2\"} 1.0");
      models.unloaded(MODEL);
      models.unloaded(MODEL);
      assertThat(metrics.scrape("").text()).doesNotContain("parley_model_info{");
    }
  }

  @Test
  void unloaded_manyVersions_onlyTheLatestStayCounted() {
    try (Metrics metrics = new Metrics()) {
      ModelMetrics models = new ModelMetrics(metrics);
      int versions = 3 * ModelMetrics.REMEMBERED;
      for (int version = 1; version <= versions; version++) {
        ServedModel served = MODEL.toBuilder().setVersion(version).build();
        EngineObserver observer = models.loading(served);
        observer.turnRefused();
        observer.turnEnded("max_tokens", 1, 1, 0, 1);
        observer.firstToken(1);
        observer.nextToken(1);
        models.unloaded(served);
      }

      String text = metrics.scrape("").text();

      for (int version = 1; version <= versions; version++) {
        String label = "version=\"%d\"".formatted(version);
        if (version <= versions - ModelMetrics.REMEMBERED) {
          assertThat(text).doesNotContain(label);
        } else {
          assertThat(text.lines().filter(line -> line.contains(label)))
              .anyMatch(line -> line.startsWith("parley_chat_turns_total"))
              .anyMatch(line -> line.startsWith("parley_chat_inter_token_seconds_count"));
        }
      }
      models.loading(MODEL.toBuilder().setVersion(versions).build()).turnRefused();
      assertThat(metrics.scrape("").text())
          .as("what was counted goes on")
          .contains(
              "parley_chat_turns_total{finish_reason=\"refused\",model=\"m\",version=\"24\"} 2.0");
    }
  }

  @Test
  void guessed_someRight_countedByOutcome() {
    try (Metrics metrics = new Metrics()) {
      EngineObserver observer = new ModelMetrics(metrics).loading(MODEL);

      observer.guessed(3, 1);
      observer.guessed(0, 2);

      assertThat(metrics.scrape("").text())
          .contains("parley_speculation_tokens_total{model=\"m\",outcome=\"accepted\"} 3.0")
          .contains("parley_speculation_tokens_total{model=\"m\",outcome=\"rejected\"} 3.0");
    }
  }
}
