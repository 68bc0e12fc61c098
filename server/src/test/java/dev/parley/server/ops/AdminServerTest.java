package dev.parley.server.ops;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.Status;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.JobStarted;
import dev.parley.v1.ListModelsRequest;
import dev.parley.v1.StepFinished;
import dev.parley.v1.TrainingUpdate;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Clock;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class AdminServerTest {
  @TempDir private static Path home;
  private static TestServer server;
  private static String job;

  @BeforeAll
  static void start() {
    JobDirectory directory =
        JobDirectory.create(home, TestJobs.steps("parley-tiny", "<b>m", 1).build());
    try (var events = directory.events().open(Clock.systemUTC())) {
      events.append(TrainingUpdate.newBuilder().setStarted(JobStarted.getDefaultInstance()));
      events.append(TrainingUpdate.newBuilder().setStep(StepFinished.newBuilder().setLoss(2.5)));
    }
    directory.fail(Status.newBuilder().setCode(13).setMessage("it broke").build());
    job = directory.id();
    server = TestServer.start(home);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void dashboard_runsItsOwnScriptOnly() throws Exception {
    HttpResponse<String> page = server.get("/");

    assertThat(page.statusCode()).isEqualTo(200);
    assertThat(page.body()).contains("<title>Parley</title>").doesNotContain("https://");
    assertThat(page.body().replace("http://www.w3.org/2000/svg", "")).doesNotContain("//cdn");
    assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
        .contains("default-src 'none'")
        .contains("script-src 'sha256-")
        .doesNotContain("script-src 'unsafe-inline'");
    assertThat(page.headers().firstValue("X-Content-Type-Options")).contains("nosniff");
  }

  @Test
  void api_jobsAndModels_areTheContractAsJson() throws Exception {
    JsonNode jobs = json("/api/jobs");
    JsonNode models = json("/api/models");

    assertThat(jobs.at("/jobs/0/jobId").asString()).isEqualTo(job);
    assertThat(jobs.at("/jobs/0/state").asString()).isEqualTo("TRAINING_JOB_STATE_FAILED");
    assertThat(jobs.at("/jobs/0/loss").asDouble()).isEqualTo(2.5);
    assertThat(jobs.at("/jobs/0/request/data/0/inline/dialogues").size()).isZero();
    assertThat(json("/api/jobs/" + job)).isEqualTo(jobs.at("/jobs/0"));
    assertThat(models.at("/models/0/model/name").asString()).isEqualTo("parley-tiny");
    assertThat(models.at("/models/0/versions/0/deploymentState").asString())
        .isEqualTo("DEPLOYMENT_STATE_NOT_LOADED");
  }

  @Test
  void events_asJsonAndAsStream_fromAnySequence() throws Exception {
    String path = "/api/jobs/" + job + "/events";

    assertThat(json(path).at("/updates").size()).isEqualTo(4);
    assertThat(json(path + "?from=3").at("/updates/0/sequence").asString()).isEqualTo("3");
    HttpResponse<String> stream = server.get(path, "Accept", "text/event-stream");
    assertThat(stream.headers().firstValue("Content-Type").orElse(""))
        .startsWith("text/event-stream");
    assertThat(stream.body())
        .startsWith("id: 1\nevent: created\ndata: {")
        .contains("\n\nid: 4\nevent: failed\ndata: {")
        .contains("it broke");
    assertThat(server.get(path, "Accept", "text/event-stream", "Last-Event-ID", "3").body())
        .startsWith("id: 4\n");
    assertThat(server.get(path, "Accept", "text/event-stream", "Last-Event-ID", "4").statusCode())
        .as("nothing follows: the browser stops asking")
        .isEqualTo(204);
    assertThat(server.get(path + "?from=9", "Accept", "text/event-stream").statusCode())
        .as("beyond the last update")
        .isEqualTo(204);
    assertThat(server.get(path + "?from=x").statusCode()).isEqualTo(400);
  }

  @Test
  void badPathsAndMethods_areJsonErrors() throws Exception {
    for (String path :
        new String[] {
          "/nope", "/api", "/api/jobs/none", "/api/jobs/../x", "/metrics/", "/api/jobs/a/b"
        }) {
      HttpResponse<String> answer = server.get(path);
      assertThat(answer.statusCode()).as(path).isEqualTo(404);
      assertThat(JsonMapper.shared().readTree(answer.body()).path("error").asString())
          .as(path)
          .isNotEmpty();
    }
    HttpResponse<String> post =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(server.uri("/metrics"))
                    .POST(HttpRequest.BodyPublishers.ofString("x"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    assertThat(post.statusCode()).isEqualTo(405);
    assertThat(post.headers().firstValue("Allow")).contains("GET, HEAD");
  }

  @Test
  void metrics_bothFormats_labelsInSnakeCase() throws Exception {
    var unused = server.models().listModels(ListModelsRequest.getDefaultInstance());
    HttpResponse<String> text = server.get("/metrics");
    HttpResponse<String> open = server.get("/metrics", "Accept", "application/openmetrics-text");

    assertThat(text.headers().firstValue("Content-Type").orElse("")).startsWith("text/plain");
    assertThat(text.body())
        .contains("parley_training_jobs{state=\"failed\"} 1.0")
        .contains("jvm_memory_used_bytes")
        .contains("status_code=\"OK\"")
        .doesNotContain("statusCode");
    assertThat(open.body()).endsWith("# EOF\n");
  }

  private static JsonNode json(String path) throws Exception {
    HttpResponse<String> answer = server.get(path);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return JsonMapper.shared().readTree(answer.body());
  }
}
