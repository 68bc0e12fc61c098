package dev.parley.cli;

import dev.parley.client.ParleyClient;
import dev.parley.client.TrainingRun;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.trainer.sink.SinkSettings;
import dev.parley.v1.TrainingUpdate;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code parley jobs}: the training jobs of a home or of a server. */
@Command(
    name = "jobs",
    description = "Lists training jobs, shows, cancels and resumes them.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class JobsCommand {
  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  @Command(
      name = "list",
      description = "All jobs, newest first; a number behind 'created' is the place in the queue.",
      mixinStandardHelpOptions = true)
  void list(@Mixin Place place, @Option(names = "--json") boolean json) {
    Output out = parley.output(json);
    List<JobRow> rows =
        place.ask(
            home -> JobDirectory.list(home.path()).stream().map(JobRow::of).toList(),
            client -> client.training().list().map(JobRow::of).toList());
    rows.forEach(row -> out.object(row.map()));
    rows.forEach(row -> out.text(row.line()));
    if (rows.isEmpty()) {
      out.note("no training jobs yet: 'parley train' makes one");
    }
  }

  @Command(name = "show", description = "One job as it stands.", mixinStandardHelpOptions = true)
  void show(
      @Mixin Place place,
      @Parameters(paramLabel = "JOB") String id,
      @Option(names = "--json") boolean json) {
    show(
        place.ask(
            home -> JobRow.of(JobDirectory.open(home.path(), id)),
            client -> JobRow.of(client.training().get(id))),
        json);
  }

  @Command(
      name = "cancel",
      description = "Stops a job for good at its next step; its newest checkpoint stays.",
      mixinStandardHelpOptions = true)
  void cancel(
      @Mixin Place place,
      @Parameters(paramLabel = "JOB") String id,
      @Option(names = "--json") boolean json) {
    show(
        place.ask(
            home -> JobRow.of(cancelled(JobDirectory.open(home.path(), id))),
            client -> JobRow.of(client.training().cancel(id))),
        json);
  }

  private static JobDirectory cancelled(JobDirectory job) {
    job.requestCancel();
    if (!job.isRunning()) {
      boolean unused = job.cancel();
    }
    return job;
  }

  @Command(
      name = "resume",
      description = {
        "Lets an interrupted job go on from its newest checkpoint: in the foreground on this"
            + " machine, or on a server."
      },
      mixinStandardHelpOptions = true)
  void resume(
      @Mixin Place place,
      @Parameters(paramLabel = "JOB") String id,
      @Option(names = "--json", description = "one JSON object an update on standard output")
          boolean json) {
    try (TrainingView view = new TrainingView(parley.output(json), true)) {
      TrainCommand.requireFinished(
          place.ask(
              home -> here(home, id, view, SinkSettings.ofProcess()),
              client -> there(client, id, view)));
    }
  }

  /** Runs an interrupted job in this process. */
  static TrainingUpdate here(HomeOption home, String id, TrainingView view, SinkSettings sinks) {
    JobDirectory job = JobDirectory.open(home.path(), id);
    String state = JobRow.of(job).state();
    if (!state.equals("interrupted") && !state.equals("created")) {
      throw new IllegalStateException(
          "job %s is %s; only an interrupted one can go on".formatted(id, state));
    }
    return LocalJob.run(home.path(), id, view, sinks);
  }

  private static TrainingUpdate there(ParleyClient client, String id, TrainingView view) {
    long seen = client.training().get(id).lastSequence();
    client.training().resume(id);
    try (TrainingRun run = client.training().watch(id, seen + 1)) {
      return TrainCommand.follow(run, view);
    }
  }

  private void show(JobRow row, boolean json) {
    Output out = parley.output(json);
    Map<String, @Nullable Object> map = row.map();
    out.object(map);
    map.forEach(
        (name, value) -> {
          if (value != null) {
            out.text("%-16s %s".formatted(name, value));
          }
        });
  }
}
