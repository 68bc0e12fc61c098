package dev.parley.trainer.job;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.hub.Hub;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.eval.Codec;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.trainer.eval.Sample;
import dev.parley.trainer.loop.LoopListener.Evaluated;
import dev.parley.trainer.loop.Outcome;
import dev.parley.trainer.loop.Recipe;
import dev.parley.trainer.loop.TrainingLoop;
import dev.parley.trainer.sink.SinkSettings;
import dev.parley.v1.CheckpointWritten;
import dev.parley.v1.JobCancelled;
import dev.parley.v1.JobFailed;
import dev.parley.v1.JobFinished;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs a training job from its specification to a registered version, in this process. */
public final class TrainingJob {
  private static final Logger log = LoggerFactory.getLogger(TrainingJob.class);

  /** Sequences in a forward pass of an evaluation, which needs less memory than a training step. */
  private static final int EVALUATION_BATCH = 32;

  private final Path home;
  private final JobDirectory job;
  private final TrainRequest request;
  private final Consumer<TrainingUpdate.Builder> events;
  private final BooleanSupplier cancelled;

  private TrainingJob(
      Path home,
      JobDirectory job,
      Consumer<TrainingUpdate.Builder> events,
      BooleanSupplier cancelled) {
    this.home = home;
    this.job = job;
    this.request = job.spec();
    this.events = events;
    this.cancelled = cancelled;
  }

  /**
   * Runs a job that waits, and writes down what happens. A job that has ended stays as it is; one
   * whose process died is ended as failed.
   *
   * @param watcher sees every update of the job, those from before this call first
   * @param cancelled asked before each step; true ends the job without a version
   * @return how it ended: FINISHED, FAILED or CANCELLED
   * @throws EventLog.LogInUseException if another process is running it
   * @throws java.io.UncheckedIOException if its log cannot be written
   */
  public static TrainingJobState run(
      Path home, String jobId, Consumer<TrainingUpdate> watcher, BooleanSupplier cancelled) {
    return run(home, jobId, watcher, cancelled, SinkSettings.ofProcess());
  }

  /**
   * As {@link #run(Path, String, Consumer, BooleanSupplier)}.
   *
   * @param sinks which other tools hear how it goes
   */
  public static TrainingJobState run(
      Path home,
      String jobId,
      Consumer<TrainingUpdate> watcher,
      BooleanSupplier cancelled,
      SinkSettings sinks) {
    JobDirectory job = JobDirectory.open(home, jobId);
    JobState state = new JobState();
    try (EventLog.Writer writer = job.events().open(Clock.systemUTC());
        JobSinks others = JobSinks.open(job, sinks)) {
      Consumer<TrainingUpdate> watched =
          update -> {
            state.apply(update);
            others.accept(update);
            watcher.accept(update);
          };
      job.events().read(1).forEach(watched);
      Consumer<TrainingUpdate.Builder> events =
          update -> {
            watched.accept(writer.append(update));
            others.warnings(state).forEach(warning -> watched.accept(writer.append(warning)));
          };
      if (state.job().getState() == TrainingJobState.TRAINING_JOB_STATE_RUNNING) {
        events.accept(failed(Failures.died()));
      } else if (!state.ended()) {
        BooleanSupplier stop = () -> cancelled.getAsBoolean() || job.cancelRequested();
        new TrainingJob(home, job, events, stop).run();
      }
    }
    return state.job().getState();
  }

  private static TrainingUpdate.Builder failed(com.google.rpc.Status status) {
    return TrainingUpdate.newBuilder().setFailed(JobFailed.newBuilder().setStatus(status));
  }

  private static TrainingUpdate.Builder cancelled(int step) {
    return TrainingUpdate.newBuilder().setCancelled(JobCancelled.newBuilder().setStep(step));
  }

  private void run() {
    if (cancelled.getAsBoolean()) {
      events.accept(cancelled(0));
      return;
    }
    TrainingUpdate.Builder last;
    try {
      last = train();
    } catch (BaseDownload.StoppedException e) {
      last = cancelled(0);
    } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
      com.google.rpc.Status status = Failures.of(e);
      if (status.getCode() == Code.INTERNAL_VALUE) {
        log.error("job {} failed: {}", job.id(), status.getMessage(), e);
      } else {
        log.info("job {} failed: {}", job.id(), status.getMessage()); // the watcher hears it, too
      }
      last = failed(status);
    }
    events.accept(last);
  }

  private TrainingUpdate.Builder train() {
    long start = System.nanoTime();
    Registry registry = new Registry(home.resolve("registry"));
    Registration.requireDirection(
        registry, request.getModelName(), Recipes.direction(request.getParameters()));
    BaseModel base =
        BaseModel.locate(
            registry, request.getBaseModel(), Hub::ofProcess, new BaseDownload(events, cancelled));
    Device device = Recipes.device(request.getParameters());
    Gpt2Config config = Gpt2Checkpoint.config(base.directory());
    Recipe recipe = Recipes.of(request.getParameters(), config, device);
    PromotionPolicy promotion = Recipes.promotion(request.getParameters());
    try (Tokenizer tokenizer = Tokenizer.load(base.directory());
        NDManager scope = Torch.newScope(device)) {
      Codec codec = new Codec(new DialogueEncoder(tokenizer)::turn, tokenizer::decode);
      PreparedData data = PreparedData.of(home, request, recipe, codec, tokenizer.endOfText());
      if (data.training().cutTurns() > 0) {
        log.warn(
            "{} learned turns are longer than max_length {} by themselves: their ends are lost",
            data.training().cutTurns(),
            recipe.maxLength());
      }
      Gpt2Weights weights = Gpt2Checkpoint.weights(base.directory(), scope);
      UpdateWriter writer =
          new UpdateWriter(
              events, job.id(), recipe, device, promotion, data, config.parameterCount());
      Outcome outcome;
      try (TrainableGpt2 model = trainable(weights, recipe)) {
        TrainingLoop loop =
            new TrainingLoop(
                model, data.training(), step -> evaluate(model, data, codec, step), recipe, writer);
        outcome = loop.fit(cancelled);
      } // gradients and moments are free before another model may be read for comparison
      if (outcome instanceof Outcome.Cancelled stopped) {
        return cancelled(stopped.step());
      }
      if (outcome instanceof Outcome.Diverged diverged) {
        diverged.best().ifPresent(best -> keep(base, weights, best.step()));
        return failed(Failures.diverged(diverged.reason()));
      }
      Outcome.Finished finished = (Outcome.Finished) outcome;
      Promotion decision =
          Promotion.decide(
              registry,
              request.getModelName(),
              promotion,
              finished.after().evaluation(),
              current -> evaluate(current, scope, recipe, data));
      RegisteredVersion version =
          new Registration(registry, base, job.id(), data, writer.parameters())
              .register(request.getModelName(), weights, finished);
      decision.carryOut(registry, version);
      return TrainingUpdate.newBuilder()
          .setFinished(
              JobFinished.newBuilder()
                  .setModel(version.model())
                  .setVersion(version.version())
                  .setLossBefore(finished.before().evaluation().loss())
                  .setLossAfter(finished.after().evaluation().loss())
                  .setPerplexityBefore(finished.before().evaluation().perplexity())
                  .setPerplexityAfter(finished.after().evaluation().perplexity())
                  .setLabelPolicy(Recipes.policy(recipe.labelPolicy()))
                  .setSteps(finished.steps())
                  .setDuration(Durations.fromNanos(System.nanoTime() - start))
                  .setPromoted(decision.promoted())
                  .setPromotionReason(decision.reason()));
    }
  }

  private static TrainableGpt2 trainable(Gpt2Weights weights, Recipe recipe) {
    return recipe
        .footprint()
        .lora()
        .map(lora -> TrainableGpt2.withAdapters(weights, lora, recipe.seed()))
        .orElseGet(() -> new TrainableGpt2(weights));
  }

  /** Leaves weights behind that a later job can start from. */
  private void keep(BaseModel base, Gpt2Weights weights, int step) {
    Path directory = job.checkpoints().resolve("step-" + step);
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Gpt2Checkpoint.write(directory, weights);
    Tokenizer.copyFiles(base.directory(), directory);
    events.accept(
        TrainingUpdate.newBuilder()
            .setCheckpoint(
                CheckpointWritten.newBuilder()
                    .setStep(step)
                    .setPath(directory.toAbsolutePath().toString())));
  }

  private static Evaluated evaluate(TrainableGpt2 model, PreparedData data, Codec codec, int step) {
    Evaluation evaluation = Evaluation.of(model, data.evaluation().list(), EVALUATION_BATCH);
    OptionalDouble padded =
        data.padded().isPresent()
            ? OptionalDouble.of(Evaluation.of(model, data.padded().get(), EVALUATION_BATCH).loss())
            : OptionalDouble.empty();
    List<Sample> samples = Sample.of(model.weights(), data.prompts(), codec);
    return new Evaluated(step, evaluation, samples, padded);
  }

  /** The evaluation of another version on the same dialogues, with its own tokenizer. */
  private static Evaluation evaluate(
      RegisteredVersion version, NDManager scope, Recipe recipe, PreparedData data) {
    Gpt2Config config = Gpt2Checkpoint.config(version.directory());
    int maxLength = Math.min(recipe.maxLength(), config.contextLength());
    try (Tokenizer tokenizer = Tokenizer.load(version.directory());
        Gpt2Weights weights = Gpt2Checkpoint.weights(version.directory(), scope);
        TrainableGpt2 model = new TrainableGpt2(weights)) {
      DialogueEncoder encoder = new DialogueEncoder(tokenizer);
      dev.parley.trainer.data.Sequences sequences =
          dev.parley.trainer.data.Sequences.encode(
              data.evaluationDialogues(),
              encoder::turn,
              recipe.labelPolicy(),
              data.direction(),
              maxLength);
      return Evaluation.of(model, sequences.list(), EVALUATION_BATCH);
    }
  }
}
