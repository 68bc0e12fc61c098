package dev.parley.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.Status;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.v1.DataSource;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingParameters;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

final class JobsCommandTest {
  @TempDir Path directory;
  private Workplace place;

  @BeforeEach
  void prepare() {
    place = new Workplace(directory);
  }

  @Test
  void resume_interruptedJob_finishesIt_andOnlyOnce() {
    JobDirectory job = interrupted();
    assertThat(show(job).get("state").asString()).isEqualTo("interrupted");
    assertThat(show(job).get("error").asString()).isEqualTo("the power went");

    CommandLineRun run = place.run("jobs", "resume", job.id(), "--json").done();

    assertThat(run.json())
        .extracting(update -> update.get("type").asString())
        .startsWith("created", "interrupted", "resumed", "started")
        .endsWith("finished");
    assertThat(run.err()).contains("interrupted after step 0: the power went", "begins again");
    assertThat(show(job).get("state").asString()).isEqualTo("finished");
    assertThat(show(job).get("version").asInt()).isEqualTo(1);
    assertThat(show(job).get("resumes").asInt()).isEqualTo(1);
    assertThat(place.run("jobs", "resume", job.id()).failed().err())
        .contains("is finished; only an interrupted one can go on");
    assertThat(place.run("jobs", "list").done().out()).contains(job.id(), "finished", "barista@1");
  }

  @Test
  void trainResume_interruptedJob_finishesIt() {
    JobDirectory job = interrupted();

    JsonNode last = place.run("train", "--resume", job.id(), "--json").done().lastJson();

    assertThat(last.get("type").asString()).isEqualTo("finished");
  }

  @Test
  void cancel_interruptedJob_endsIt() {
    JobDirectory job = interrupted();

    JsonNode shown = place.run("jobs", "cancel", job.id(), "--json").done().lastJson();

    assertThat(shown.get("state").asString()).isEqualTo("cancelled");
    assertThat(place.run("jobs", "resume", job.id()).failed().err()).contains("is cancelled");
  }

  @Test
  void show_unknownJob_failsAndNamesThePlace() {
    assertThat(place.run("jobs", "show", "no-such").failed().err())
        .contains("'no-such' does not exist", "home");
    assertThat(place.run("jobs", "list").done().err()).contains("no training jobs yet");
  }

  private JsonNode show(JobDirectory job) {
    return place.run("jobs", "show", job.id(), "--json").done().lastJson();
  }

  private JobDirectory interrupted() {
    JobDirectory job =
        JobDirectory.createForeground(
            place.home(),
            TrainRequest.newBuilder()
                .setBaseModel("parley-tiny")
                .setModelName("barista")
                .addData(DataSource.newBuilder().setPath(place.dialogues().toString()))
                .setParameters(
                    TrainingParameters.newBuilder().setMaxSteps(2).setMaxLength(32).setBatchSize(2))
                .build());
    assertThat(job.interrupt(Status.newBuilder().setMessage("the power went").build(), true))
        .isTrue();
    return job;
  }
}
