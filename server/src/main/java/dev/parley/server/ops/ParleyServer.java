package dev.parley.server.ops;

import ai.djl.Device;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.hub.Hub;
import dev.parley.model.registry.EmbeddedBase;
import dev.parley.model.registry.Registry;
import dev.parley.model.torch.Torch;
import dev.parley.server.chat.ChatService;
import dev.parley.server.chat.FeedbackFile;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.models.Deployments;
import dev.parley.server.models.ModelCatalog;
import dev.parley.server.models.ModelService;
import dev.parley.server.models.RegistryBases;
import dev.parley.server.models.RegistryWatch;
import dev.parley.server.models.VersionLoader;
import dev.parley.server.rpc.RpcException;
import dev.parley.server.training.Datasets;
import dev.parley.server.training.TrainingJobs;
import dev.parley.server.training.TrainingService;
import dev.parley.trainer.job.TrainerProcess;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server: chat, training and models over gRPC, metrics and dashboard over HTTP, one home on disk.
 * Runs from {@link #start} to {@link #close}.
 */
public final class ParleyServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ParleyServer.class);

  /** How often a draining server looks whether its last conversation has ended. */
  private static final Duration DRAIN_LOOK = Duration.ofMillis(20);

  private final ServerConfig config;
  private final CloseStack parts;
  private final TrainingJobs jobs;
  private final ChatService chat;
  private final GrpcServer grpc;
  private final AdminServer admin;
  private final AtomicBoolean stopping;
  private final CountDownLatch closed = new CountDownLatch(1);

  private ParleyServer(
      ServerConfig config,
      CloseStack parts,
      TrainingJobs jobs,
      ChatService chat,
      GrpcServer grpc,
      AdminServer admin,
      AtomicBoolean stopping) {
    this.config = config;
    this.parts = parts;
    this.jobs = jobs;
    this.chat = chat;
    this.grpc = grpc;
    this.admin = admin;
    this.stopping = stopping;
  }

  /**
   * Starts a server; it is ready when this returns.
   *
   * @throws ServerStartException if the home is not writable or in use, an address cannot be bound,
   *     the device is not there, or a model of {@link ServerConfig#models} cannot be loaded;
   *     nothing runs then
   */
  public static ParleyServer start(ServerConfig config) {
    config.effective().forEach(setting -> log.info("config {}", setting));
    CloseStack parts = new CloseStack();
    try {
      return start(config, parts);
    } catch (RuntimeException | Error e) {
      parts.close();
      throw e;
    }
  }

  private static ParleyServer start(ServerConfig config, CloseStack parts) {
    HomeDirectory homeDirectory = parts.add(HomeDirectory.hold(config.home()));
    Path home = homeDirectory.path();
    Registry registry = new Registry(home.resolve("registry"));
    EmbeddedBase.ensure(registry);
    Metrics metrics = parts.add(new Metrics());
    ExecutorService watchers = parts.add(threads("watchers", 2), ParleyServer::stop);

    ModelMetrics modelMetrics = new ModelMetrics(metrics);
    Device device = device(config);
    Precision precision = precision(config, device);
    VersionLoader loader =
        parts.add(
            new VersionLoader(
                registry,
                device,
                precision,
                shape -> limits(shape, device, precision, config),
                modelMetrics));
    Deployments deployments = parts.add(new Deployments(registry, loader, modelMetrics));
    ModelCatalog catalog = new ModelCatalog(registry, deployments);
    RegistryWatch registryWatch = parts.add(new RegistryWatch(catalog, deployments));

    Datasets datasets = new Datasets(home);
    int trainerThreads =
        config.trainerThreads() > 0
            ? config.trainerThreads()
            : TrainerProcess.Resources.defaults().threads();
    TrainerProcess.Resources resources =
        new TrainerProcess.Resources(
            trainerThreads, (int) (config.trainerMemory() >> 20), config.trainerNiceness());
    TrainingJobs jobs =
        parts.add(
            new TrainingJobs(
                home,
                jobId -> TrainerProcess.launch(home, jobId, resources),
                config.trainingConcurrency(),
                new TrainingMetrics(metrics, registryWatch)));
    metrics.trainingJobs(jobs::countByState);

    ChatService chat =
        new ChatService(
            deployments, new FeedbackFile(home.resolve("feedback.jsonl"), Clock.systemUTC()));
    TrainingService training =
        new TrainingService(
            jobs,
            datasets,
            new RegistryBases(registry, Hub::ofProcess)::check,
            config.maxUpload(),
            watchers);
    ModelService models = new ModelService(registry, catalog, deployments, registryWatch, watchers);

    AtomicBoolean stopping = new AtomicBoolean();
    AtomicBoolean started = new AtomicBoolean();
    Health liveness =
        () -> Torch.lost(device).map(reason -> "the GPU is lost to this process: " + reason);
    Health readiness = () -> problem(started.get(), stopping.get(), deployments);
    AdminServer admin =
        parts.add(
            new AdminServer(
                config.admin(),
                metrics,
                liveness,
                readiness,
                new AdminApi(catalog, jobs),
                new EventStreams(jobs),
                new Dashboard()));
    GrpcServer grpc =
        parts.add(
            GrpcServer.start(
                config.listen(), metrics.interceptor(), chat.limited(), training, models));

    config.models().forEach(model -> preload(deployments, model));
    jobs.start();
    started.set(true);
    Runnable health =
        () -> {
          grpc.setAlive(liveness.problem().isEmpty());
          grpc.setReady(readiness.problem().isEmpty());
        };
    health.run();
    registryWatch.looks().add(health);
    log.info("gRPC on {}, admin on {}, home {}", grpc.port(), admin.port(), home);
    return new ParleyServer(config, parts, jobs, chat, grpc, admin, stopping);
  }

  private static Optional<String> problem(
      boolean started, boolean stopping, Deployments deployments) {
    if (stopping) {
      return Optional.of("the server is stopping");
    }
    if (!started) {
      return Optional.of("models are loading");
    }
    return deployments.healthy()
        ? Optional.empty()
        : Optional.of("a model in service does not answer; see /api/models");
  }

  private static Device device(ServerConfig config) {
    try {
      return Torch.device(config.device());
    } catch (IllegalArgumentException e) {
      throw new ServerStartException("--device: " + e.getMessage(), e);
    }
  }

  private static Precision precision(ServerConfig config, Device device) {
    try {
      Precision precision = Precision.of(config.precision(), device);
      precision.requireKernels(device);
      return precision;
    } catch (IllegalArgumentException e) {
      throw new ServerStartException("--precision: " + e.getMessage(), e);
    }
  }

  private static EngineLimits limits(
      Gpt2Config shape, Device device, Precision precision, ServerConfig config) {
    EngineLimits usual =
        EngineLimits.of(shape, precision.cacheBytesPerToken(shape, device), config.kvMemory());
    int rows = config.maxReplies() > 0 ? config.maxReplies() : EngineLimits.stepRows(device);
    int prompts =
        config.promptTokens() > 0
            ? Math.min(config.promptTokens(), config.stepTokens())
            : EngineLimits.promptTokens(device, config.stepTokens());
    return new EngineLimits(
        config.stepTokens(),
        Math.min(rows, config.stepTokens() - 1),
        usual.kvCapacityTokens(),
        config.maxConversations(),
        config.maxQueuedTurns(),
        usual.turnsPerConversation(),
        config.sharePrefixes(),
        config.speculation() ? precision.nearlyFreeTokens(device) : 0,
        prompts);
  }

  private static void preload(Deployments deployments, String model) {
    try {
      deployments.preload(model);
    } catch (RpcException e) {
      throw new ServerStartException("--models: " + e.getMessage(), e);
    }
  }

  private static ExecutorService threads(String name, int count) {
    AtomicInteger number = new AtomicInteger();
    return Executors.newFixedThreadPool(
        count,
        task -> {
          Thread thread = new Thread(task, name + "-" + number.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        });
  }

  private static void stop(ExecutorService executor) {
    executor.shutdownNow();
  }

  /** Where gRPC listens. */
  public int grpcPort() {
    return grpc.port();
  }

  /** Where the admin pages are. */
  public int adminPort() {
    return admin.port();
  }

  /** Waits until the server has stopped. */
  public void awaitClosed() throws InterruptedException {
    closed.await();
  }

  /**
   * Stops: turns readiness off, refuses new conversations, asks running ones to finish and gives
   * them the drain time of the configuration, then ends what is left with UNAVAILABLE. Trainers go
   * on; the next server on this home follows them. A second call waits for the first.
   */
  @Override
  public void close() {
    if (!stopping.compareAndSet(false, true)) {
      awaitFirstClose();
      return;
    }
    jobs.stopLaunching(); // whoever stops this server may stop its trainers with it
    log.info("stopping: {} conversations have {} to finish", chat.streams(), config.drainTime());
    try {
      grpc.setReady(false);
      chat.drain(config.drainTime());
      awaitStreams();
      chat.closeStreams();
    } finally {
      parts.close();
      closed.countDown();
    }
    log.info("stopped");
  }

  private void awaitFirstClose() {
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void awaitStreams() {
    long end = System.nanoTime() + config.drainTime().toNanos();
    try {
      while (chat.streams() > 0 && System.nanoTime() < end) {
        TimeUnit.NANOSECONDS.sleep(DRAIN_LOOK.toNanos());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
