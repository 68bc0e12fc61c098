package dev.parley.cli;

import dev.parley.client.ParleyClient;
import dev.parley.trainer.job.JobDirectory;
import dev.parley.trainer.job.RequestValidation;
import dev.parley.trainer.job.TrainingRun;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainResponse;
import dev.parley.v1.TrainingServiceGrpc;
import dev.parley.v1.TrainingUpdate;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code parley train}: a training job, on this machine or through a server. */
@Command(
    name = "train",
    description = "Fine-tunes a model on dialogues and registers a version.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class TrainCommand implements Callable<Integer> {
  @Mixin private TrainOptions options = new TrainOptions();

  @Mixin private HomeOption home = new HomeOption();

  @Option(
      names = "--server",
      paramLabel = "HOST:PORT",
      description = "trains there; --data names files on that machine")
  private @Nullable String server;

  @Option(names = "--dry-run", description = "shows what would be learned, and trains nothing")
  private boolean dryRun;

  @Option(names = "--json", description = "one JSON object an update on standard output")
  private boolean json;

  @Override
  public Integer call() {
    TrainRequest request = options.request();
    Output out = Output.standard(json);
    if (dryRun) {
      return DryRunView.show(out, home, request);
    }
    try (TrainingView view = new TrainingView(out, true)) {
      TrainingUpdate last = server == null ? here(request, view) : there(server, request, view);
      if (last.hasFailed()) {
        throw new IllegalStateException(
            "training failed: " + last.getFailed().getStatus().getMessage());
      }
      if (last.hasCancelled()) {
        throw new IllegalStateException(
            "training was cancelled after step " + last.getCancelled().getStep());
      }
      return CommandLine.ExitCode.OK;
    }
  }

  private static TrainingUpdate there(String server, TrainRequest request, TrainingView view) {
    TrainingUpdate last = TrainingUpdate.getDefaultInstance();
    try (ParleyClient client = ParleyClient.connect(server)) {
      Iterator<TrainResponse> updates =
          TrainingServiceGrpc.newBlockingStub(client.channel()).train(request);
      while (updates.hasNext()) {
        last = updates.next().getUpdate();
        view.show(last);
      }
    }
    return last;
  }
}
