package dev.parley.cli;

import dev.parley.client.ParleyClient;
import dev.parley.client.TrainingRun;
import dev.parley.trainer.job.DryRun;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.trainer.job.RequestValidation;
import dev.parley.trainer.sink.SinkSettings;
import dev.parley.v1.JobFinished;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingUpdate;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code parley train}: a training job, on this machine or through a server. */
@Command(
    name = "train",
    description = "Fine-tunes a model on dialogues and registers a version.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class TrainCommand implements Callable<Integer> {
  /** Nats a token: each is predicted with a probability of nine in ten or more. */
  private static final double BY_HEART = 0.1;

  @ParentCommand
  @SuppressWarnings("NullAway.Init") // set by picocli
  private Parley parley;

  @Mixin private TrainOptions options = new TrainOptions();

  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      converter = ServerAddress.class,
      description = "trains there; files of --data that are here are uploaded")
  private @Nullable String server;

  @Option(
      names = "--mlflow",
      paramLabel = "URI",
      description =
          "tracking server that hears of it, such as http://127.0.0.1:5000; MLFLOW_TRACKING_URI"
              + " otherwise")
  private @Nullable String mlflow;

  @Option(names = "--dry-run", description = "shows what would be learned, and trains nothing")
  private boolean dryRun;

  @Option(names = "--json", description = "one JSON object an update on standard output")
  private boolean json;

  @Option(
      names = "--resume",
      paramLabel = "JOB",
      description =
          "goes on with an interrupted job of --home, as it was begun; no other option but --mlflow")
  private @Nullable String resume;

  @Override
  public Integer call() {
    if (resume != null) {
      try (TrainingView view = new TrainingView(parley.output(json), true)) {
        requireFinished(JobsCommand.here(home, resume, view, sinks()));
        return CommandLine.ExitCode.OK;
      }
    }
    TrainRequest request = options.request();
    Output out = parley.output(json);
    requireValid(request);
    if (server != null && mlflow != null) {
      throw new UsageException(
          "--mlflow is for training on this machine: set MLFLOW_TRACKING_URI where the server runs");
    }
    if (dryRun) {
      home.registry();
      try (ProgressBar bar = out.progressBar()) {
        DryRun run = DryRun.of(home.path(), request, DryRunView.EXAMPLES, new HubView(out, bar));
        bar.interrupt();
        DryRunView.show(out, run);
      }
      return CommandLine.ExitCode.OK;
    }
    try (TrainingView view = new TrainingView(out, true)) {
      JobFinished finished =
          requireFinished(server == null ? here(request, view) : there(server, request, out, view));
      return !options.overfits() || learnedByHeart(out, finished)
          ? CommandLine.ExitCode.OK
          : CommandLine.ExitCode.SOFTWARE;
    }
  }

  /** Whether a check went well: whether a few batches could be learned by heart. */
  private static boolean learnedByHeart(Output out, JobFinished finished) {
    boolean learned = finished.getLossAfter() <= BY_HEART;
    out.note(
        learned
            ? "the batches were learned by heart: the loss is %.4f"
                .formatted(finished.getLossAfter())
            : "the batches were NOT learned by heart: the loss is %.4f, not below %s; equal contexts with different replies have a floor above it, otherwise try more --max-steps or another --learning-rate"
                .formatted(finished.getLossAfter(), BY_HEART));
    return learned;
  }

  /** How a job went that ended well; its end as a failure otherwise. */
  static JobFinished requireFinished(TrainingUpdate last) {
    if (last.hasFailed()) {
      throw new IllegalStateException(
          "training failed: " + last.getFailed().getStatus().getMessage());
    }
    if (last.hasCancelled()) {
      throw new IllegalStateException(
          "training was cancelled after step " + last.getCancelled().getStep());
    }
    if (last.hasInterrupted()) {
      throw new IllegalStateException(
          "training was interrupted after step %d%s; 'parley jobs resume' lets it go on from %s"
              .formatted(
                  last.getInterrupted().getStep(),
                  last.getInterrupted().hasCause()
                      ? ": " + last.getInterrupted().getCause().getMessage()
                      : "",
                  last.getInterrupted().getCheckpointStep() == 0
                      ? "the beginning"
                      : "step " + last.getInterrupted().getCheckpointStep()));
    }
    return last.getFinished();
  }

  /** Runs the job in this process. */
  private TrainingUpdate here(TrainRequest request, TrainingView view) {
    home.registry();
    return LocalJob.run(
        home.path(), JobDirectory.createForeground(home.path(), request).id(), view, sinks());
  }

  private SinkSettings sinks() {
    return mlflow == null ? SinkSettings.ofProcess() : SinkSettings.ofProcess().withMlflow(mlflow);
  }

  private static void requireValid(TrainRequest request) {
    List<RequestValidation.Problem> problems = RequestValidation.problems(request);
    if (!problems.isEmpty()) {
      throw new UsageException(
          String.join(
              "; ", problems.stream().map(p -> p.path() + ": " + p.description()).toList()));
    }
  }

  private static TrainingUpdate there(
      String server, TrainRequest request, Output out, TrainingView view) {
    return Connection.with(
        server,
        client -> through(client, new LocalData(client, out).uploaded(request), view, job -> {}));
  }

  /**
   * Runs a job on a server and gives its last update; a lost connection is found again.
   *
   * @param created gets the job's id
   */
  static TrainingUpdate through(
      ParleyClient client, TrainRequest request, TrainingView view, Consumer<String> created) {
    try (TrainingRun run = client.training().start(request)) {
      created.accept(run.jobId());
      return follow(run, view);
    }
  }

  /** Shows a job's updates to its last one, or to one after which it waits to be resumed. */
  static TrainingUpdate follow(TrainingRun run, TrainingView view) {
    TrainingUpdate last = TrainingUpdate.getDefaultInstance();
    for (TrainingUpdate update : run.updates()) {
      view.show(update);
      last = update;
      if (update.getInterrupted().getHeld()) {
        break;
      }
    }
    return last;
  }
}
