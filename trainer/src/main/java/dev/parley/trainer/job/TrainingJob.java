package dev.parley.trainer.job;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import dev.parley.model.checkpoint.CheckpointException;
import dev.parley.model.checkpoint.Gpt2Checkpoint;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.TrainableGpt2;
import dev.parley.model.hub.Hub;
import dev.parley.model.registry.ParleyVersion;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.model.registry.RegistryException;
import dev.parley.model.text.DialogueEncoder;
import dev.parley.model.text.Tokenizer;
import dev.parley.model.text.TokenizerException;
import dev.parley.model.torch.Torch;
import dev.parley.trainer.eval.Codec;
import dev.parley.trainer.eval.Evaluation;
import dev.parley.trainer.eval.Sample;
import dev.parley.trainer.loop.CheckpointInfo;
import dev.parley.trainer.loop.CheckpointStore;
import dev.parley.trainer.loop.LoopListener;
import dev.parley.trainer.loop.LoopListener.Evaluated;
import dev.parley.trainer.loop.Outcome;
import dev.parley.trainer.loop.Recipe;
import dev.parley.trainer.loop.TrainingLoop;
import dev.parley.trainer.sink.SinkSettings;
import dev.parley.v1.JobCancelled;
import dev.parley.v1.JobFailed;
import dev.parley.v1.JobFinished;
import dev.parley.v1.JobInterrupted;
import dev.parley.v1.PromotionPolicy;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingParameters;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
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
  private final BooleanSupplier interrupted;
  private final JobState state;

  /** Done once the job's end is written down. */
  private Runnable afterwards = () -> {};

  private TrainingJob(
      Path home,
      JobDirectory job,
      JobState state,
      Consumer<TrainingUpdate.Builder> events,
      BooleanSupplier interrupted) {
    this.home = home;
    this.job = job;
    this.request = job.spec();
    this.state = state;
    this.events = events;
    this.interrupted = interrupted;
  }

  /**
   * Runs a job that waits or was interrupted, and writes down what happens. A job that has ended
   * stays as it is; one whose process died goes on from its newest checkpoint.
   *
   * @param watcher sees every update of the job, those from before this call first
   * @param interrupted asked before each step; true ends the run after a checkpoint, and the job
   *     can be run again. {@link JobDirectory#requestCancel} ends the job for good
   * @return how it stands: FINISHED, FAILED, CANCELLED or INTERRUPTED
   * @throws EventLog.LogInUseException if another process is running it
   * @throws java.io.UncheckedIOException if its log cannot be written
   */
  public static TrainingJobState run(
      Path home, String jobId, Consumer<TrainingUpdate> watcher, BooleanSupplier interrupted) {
    return run(home, jobId, watcher, interrupted, SinkSettings.ofProcess());
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
      BooleanSupplier interrupted,
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
      EventLog.Tail past = job.events().tail(1);
      for (List<TrainingUpdate> updates = past.poll(JobDirectory.BATCH);
          !updates.isEmpty();
          updates = past.poll(JobDirectory.BATCH)) {
        updates.forEach(watched);
      }
      Consumer<TrainingUpdate.Builder> events =
          update -> {
            watched.accept(writer.append(update));
            others.warnings(state).forEach(warning -> watched.accept(writer.append(warning)));
          };
      if (state.job().getState() == TrainingJobState.TRAINING_JOB_STATE_RUNNING) {
        events.accept(JobDirectory.interrupted(state.job(), Failures.died(), false));
      }
      if (!state.ended()) {
        new TrainingJob(home, job, state, events, interrupted).run();
      }
    }
    return state.job().getState();
  }

  private static TrainingUpdate.Builder failed(com.google.rpc.Status status) {
    return TrainingUpdate.newBuilder().setFailed(JobFailed.newBuilder().setStatus(status));
  }

  private boolean stopRequested() {
    return interrupted.getAsBoolean() || job.cancelRequested();
  }

  /** How a run ends that was asked to stop: for good, or until it is run again. */
  private TrainingUpdate.Builder stopped(int step, int checkpointStep) {
    if (job.cancelRequested()) {
      return TrainingUpdate.newBuilder().setCancelled(JobCancelled.newBuilder().setStep(step));
    }
    return TrainingUpdate.newBuilder()
        .setInterrupted(
            JobInterrupted.newBuilder()
                .setStep(step)
                .setCheckpointStep(checkpointStep)
                .setHeld(state.foreground()));
  }

  private void run() {
    if (stopRequested()) {
      events.accept(stopped(state.job().getStep(), state.job().getCheckpointStep()));
      return;
    }
    TrainingUpdate.Builder last;
    try {
      last = train();
    } catch (BaseDownload.StoppedException e) {
      last = stopped(state.job().getStep(), state.job().getCheckpointStep());
    } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
      boolean began = state.started().isPresent();
      com.google.rpc.Status status = Failures.of(e, began);
      if (status.getCode() == Code.INTERNAL_VALUE) {
        log.error("job {} failed: {}", job.id(), status.getMessage(), e);
      } else {
        log.info("job {} failed: {}", job.id(), status.getMessage()); // the watcher hears it, too
      }
      // What began goes on from its newest checkpoint, once disk or heap have room again.
      last =
          began && (e instanceof UncheckedIOException || e instanceof OutOfMemoryError)
              ? JobDirectory.interrupted(state.job(), status, true)
              : failed(status);
    }
    events.accept(last);
    afterwards.run();
  }

  private TrainingUpdate.Builder train() {
    long start = System.nanoTime();
    Registry registry = new Registry(home.resolve("registry"));
    Registration.requireDirection(
        registry, request.getModelName(), Recipes.direction(request.getParameters()));
    Resumption resumption = Resumption.find(job, state, events);
    Optional<CheckpointStore.Checkpoint> from = resumption.checkpoint();
    BaseModel base =
        BaseModel.locate(
            registry,
            resumption.base().orElse(request.getBaseModel()),
            Hub::ofProcess,
            new BaseDownload(events, this::stopRequested));
    TrainingParameters parameters = resumption.parameters(request.getParameters());
    Device device = Recipes.device(parameters);
    Gpt2Config config = Gpt2Checkpoint.config(base.directory());
    Recipe recipe = Recipes.of(parameters, config, device);
    PromotionPolicy promotion = Recipes.promotion(parameters);
    CheckpointPolicy policy = CheckpointPolicy.of(request.getParameters());
    CheckpointStore store = checkpoints(base);
    Room.of(home, config.parameterCount(), policy).check().ifPresent(events);
    try (Tokenizer tokenizer = Tokenizer.load(base.directory());
        NDManager scope = Torch.newScope(device)) {
      Codec codec = new Codec(new DialogueEncoder(tokenizer)::turn, tokenizer::decode);
      PreparedData data = PreparedData.of(home, request, recipe, codec);
      if (data.training().cutTurns() > 0) {
        log.warn(
            "{} learned turns are longer than max_length {} by themselves: their ends are lost",
            data.training().cutTurns(),
            recipe.maxLength());
      }
      boolean adapters =
          recipe.footprint().lora().isPresent(); // a checkpoint's weights have them merged
      Path source =
          from.filter(checkpoint -> !adapters)
              .map(CheckpointStore.Checkpoint::directory)
              .orElse(base.directory());
      Gpt2Weights weights = Gpt2Checkpoint.weights(source, scope);
      UpdateWriter writer =
          new UpdateWriter(
              events, job.id(), recipe, device, promotion, policy, data, config.parameterCount());
      LoopListener.Plan plan = TrainingLoop.plan(data.training(), recipe);
      TrainingParameters all = writer.parameters(plan);
      CheckpointInfo.Origin origin =
          new CheckpointInfo.Origin(
              recipe.seed(),
              Recipes.byName(all),
              base.reference(),
              base.weightsSha256(),
              data.digest(),
              data.evaluationDigest(),
              Torch.threads(),
              ParleyVersion.current());
      resumption.requireSame(origin, plan.totalSteps());
      Outcome outcome;
      int saved;
      try (TrainableGpt2 model = trainable(weights, recipe)) {
        from.ifPresent(checkpoint -> CheckpointStore.restoreTrainingState(checkpoint, model));
        JobCheckpoints checkpoints =
            new JobCheckpoints(
                store,
                policy,
                model,
                origin,
                plan.stepsPerEpoch(),
                resumption.step(),
                events,
                System::nanoTime);
        TrainingLoop loop =
            new TrainingLoop(
                model, data.training(), step -> evaluate(model, data, codec, step), recipe, writer);
        outcome = loop.fit(resumption.restored(store, scope), checkpoints, this::stopRequested);
        saved = checkpoints.saved();
      } // gradients and moments are free before another model may be read for comparison
      if (outcome instanceof Outcome.Stopped stopped) {
        return stopped(stopped.step(), saved);
      }
      if (outcome instanceof Outcome.Diverged diverged) {
        return failed(Failures.diverged(diverged.reason()));
      }
      Outcome.Finished finished = (Outcome.Finished) outcome;
      RegisteredVersion version;
      Promotion decision;
      try {
        version =
            new Registration(registry, base, job.id(), data, all)
                .register(request.getModelName(), weights, finished);
        decision =
            Promotion.carryOut(
                registry,
                version,
                promotion,
                finished.after().evaluation(),
                current -> evaluate(current, scope, recipe, data));
      } catch (RegistryException
          | CheckpointException
          | TokenizerException
          | UncheckedIOException e) {
        return unregistered(finished.steps(), saved, e);
      }
      if (!policy.keepAfterFinish()) {
        afterwards = () -> deleteAll(store);
      }
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
                  .setDuration(
                      Durations.fromNanos(
                          System.nanoTime() - start + (long) (1e9 * resumption.secondsBefore())))
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

  private CheckpointStore checkpoints(BaseModel base) {
    return new CheckpointStore(
        job.checkpoints(), directory -> Tokenizer.copyFiles(base.directory(), directory));
  }

  /** The work is done and cannot be kept: it waits until someone has made room. */
  private TrainingUpdate.Builder unregistered(int step, int saved, RuntimeException cause) {
    log.error("job {}: the new version cannot be registered", job.id(), cause);
    return TrainingUpdate.newBuilder()
        .setInterrupted(
            JobInterrupted.newBuilder()
                .setStep(step)
                .setCheckpointStep(saved)
                .setHeld(true)
                .setCause(
                    Failures.storage(
                        "training is done, but its version cannot be registered: %s; then resume the job"
                            .formatted(cause.getMessage()))));
  }

  private void deleteAll(CheckpointStore store) {
    try {
      store.deleteAll();
    } catch (IOException e) {
      log.warn("the checkpoints of job {} cannot be deleted", job.id(), e);
    }
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
