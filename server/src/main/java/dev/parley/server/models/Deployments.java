package dev.parley.server.models;

import com.google.rpc.Code;
import dev.parley.model.registry.Direction;
import dev.parley.model.registry.ModelNotFoundException;
import dev.parley.model.registry.ModelReference;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.server.chat.ServedModels;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.DeploymentState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The model versions in memory. Thread-safe.
 *
 * <h2>Loading</h2>
 *
 * A version is loaded when a conversation first asks for it. From then on the alias that led to it
 * is in service: when it moves, the version that it names now is loaded beside the old one, without
 * waiting for a conversation. A conversation gets the version that its reference names at that
 * moment and keeps it. It waits while that version loads; no other conversation does.
 *
 * <h2>Unloading</h2>
 *
 * A version stays while a conversation leases it or an alias in service names it. When a version
 * that an alias names cannot be loaded, the one that the alias led to before stays and answers.
 *
 * <h2>Canaries</h2>
 *
 * While a model's default is in service, its canary is loaded beside it. A conversation that names
 * the model alone is drawn for the canary with the probability of its share; it gets the canary
 * only where that serves at this moment, otherwise the default, and waits for neither. Nothing that
 * happens to a canary makes a conversation fail that has not begun, or the server unhealthy.
 *
 * <h2>Recovery</h2>
 *
 * When an engine stops after a failure its conversations end with UNAVAILABLE, and its version is
 * loaded again beside what is left of it, when {@link Restarts} says so: at once where an alias in
 * service names it, otherwise when a conversation asks. Until then new conversations are told when
 * to come again, and {@link #healthy} is false where an alias in service names it.
 *
 * <h2>Locks</h2>
 *
 * The monitor guards the maps and the counts, never a load or an unload: those run on threads of
 * their own.
 */
public final class Deployments implements ServedModels, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Deployments.class);

  /** A version that could not be loaded is not tried again earlier: most stay as they are. */
  private static final Duration RETRY = Duration.ofSeconds(30);

  private final Registry registry;
  private final Canaries canaries;
  private final VersionLoader loader;
  private final ModelObserver observer;
  private final Map<VersionKey, Deployment> deployments = new HashMap<>(); // guarded by this
  private final Map<AliasKey, VersionKey> inService = new HashMap<>(); // guarded by this
  private final List<Deployment> orphans = new ArrayList<>(); // guarded by this; broken, replaced
  private final Restarts restarts = new Restarts(); // guarded by this
  private final LongSupplier nanoClock;
  private final DoubleSupplier draw;
  private final ExecutorService threads;
  private boolean closed; // guarded by this

  /** Nothing is loaded yet. */
  public Deployments(Registry registry, VersionLoader loader, ModelObserver observer) {
    this(registry, loader, observer, System::nanoTime, new Random()::nextDouble);
  }

  /**
   * Nothing is loaded yet.
   *
   * @param nanoClock as {@link System#nanoTime}
   * @param draw evenly distributed from 0 to below 1; below a canary's share means the canary
   */
  Deployments(
      Registry registry,
      VersionLoader loader,
      ModelObserver observer,
      LongSupplier nanoClock,
      DoubleSupplier draw) {
    this.registry = registry;
    this.canaries = new Canaries(registry);
    this.loader = loader;
    this.observer = observer;
    this.nanoClock = nanoClock;
    this.draw = draw;
    AtomicInteger count = new AtomicInteger();
    this.threads =
        Executors.newCachedThreadPool(
            task -> {
              Thread thread = new Thread(task, "model-loader-" + count.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
  }

  @Override
  public Lease acquire(String modelReference) {
    return canary(modelReference)
        .orElseGet(() -> acquire("setup.model", modelReference, Direction.FORWARD));
  }

  @Override
  public Lease acquireWithoutCanary(String modelReference) {
    return acquire("setup.model", modelReference, Direction.FORWARD);
  }

  @Override
  public Lease acquireBackward(String modelReference) {
    return acquire("setup.mmi_model", modelReference, Direction.BACKWARD);
  }

  private Lease acquire(String field, String modelReference, Direction direction) {
    ModelReference reference = ModelErrors.reference(field, modelReference);
    Optional<AliasKey> alias = AliasKey.of(reference);
    RegisteredVersion version = resolve(reference);
    ModelErrors.requireDirection(version, direction);
    Deployment deployment = hold(version);
    try {
      LoadedVersion loaded = deployment.loaded().join();
      alias.ifPresent(key -> serves(key, deployment));
      return new VersionLease(loaded, false, () -> release(deployment));
    } catch (CompletionException e) {
      release(deployment);
      return alias
          .flatMap(this::previous)
          .orElseThrow(() -> ModelErrors.notLoaded(deployment.key().toString(), e.getCause()));
    }
  }

  /** A lease on the canary, for a name that is drawn for it while it serves. */
  private Optional<Lease> canary(String model) {
    Optional<RegisteredVersion> target =
        canaries.find(model, canary -> draw.getAsDouble() < canary.share());
    if (target.isEmpty()) {
      return Optional.empty();
    }
    synchronized (this) {
      Deployment deployment = deployments.get(VersionKey.of(target.get()));
      if (!closed && deployment != null && deployment.serves()) {
        deployment.lease();
        return Optional.of(
            new VersionLease(deployment.loaded().join(), true, () -> release(deployment)));
      }
      if (!closed
          && deployment != null
          && due(deployment)
          && inService.containsKey(new AliasKey(model, ModelReference.DEFAULT))) {
        load(target.get()); // for those to come
      }
    }
    observer.canaryMissed(model);
    return Optional.empty();
  }

  private RegisteredVersion resolve(ModelReference reference) {
    try {
      return registry.resolve(reference);
    } catch (ModelNotFoundException e) {
      throw ModelErrors.notFound(e);
    }
  }

  /** Counts a lease before anything is waited for, so that the version cannot be unloaded. */
  private synchronized Deployment hold(RegisteredVersion version) {
    if (closed) {
      throw RpcException.of(
          Code.UNAVAILABLE, "SERVER_STOPPING", "the server is stopping", Map.of());
    }
    VersionKey key = VersionKey.of(version);
    Deployment deployment = deployments.get(key);
    if (deployment == null || due(deployment)) {
      deployment = load(version);
    } else if (deployment.broken() || (deployment.failed() && restarts.count(key) > 0)) {
      throw ModelErrors.restarting(
          key.toString(), restarts.count(key), restarts.delay(key, nanoClock.getAsLong()));
    }
    deployment.lease();
    return deployment;
  }

  /** Whether a version that does not serve is to be loaded again now. */
  private boolean due(Deployment deployment) {
    long now = nanoClock.getAsLong();
    if (!deployment.failed() || (deployment.broken() && !deployment.counted())) {
      return false;
    }
    return restarts.count(deployment.key()) > 0
        ? restarts.delay(deployment.key(), now).isZero()
        : now - deployment.failedAtNanos() > RETRY.toNanos();
  }

  private synchronized Deployment load(RegisteredVersion version) {
    Deployment deployment = new Deployment(VersionKey.of(version));
    Deployment replaced = deployments.put(deployment.key(), deployment);
    if (replaced != null) {
      orphans.add(replaced);
    }
    int failures = restarts.count(deployment.key());
    if (failures > 0) {
      log.warn("model {} is loaded again after {} failures in a row", deployment.key(), failures);
      observer.engineRestarts(version.model(), version.version());
    }
    threads.execute(() -> load(version, deployment));
    return deployment;
  }

  private void load(RegisteredVersion version, Deployment deployment) {
    long start = System.nanoTime();
    log.info("model {} loads", deployment.key());
    try {
      LoadedVersion loaded = loader.load(version);
      deployment.loaded().complete(loaded);
      loaded.engine().failed().thenAccept(cause -> engineFailed(deployment));
      log.info(
          "model {} serves, loaded in {} ms",
          deployment.key(),
          TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
    } catch (RuntimeException | Error e) {
      synchronized (this) {
        deployment.failedAt(nanoClock.getAsLong());
        if (restarts.count(deployment.key()) > 0) {
          restarts.failed(deployment.key(), nanoClock.getAsLong());
        }
      }
      observer.loadFailed(version.model(), version.version());
      log.error("model {} cannot be loaded; what served before goes on", deployment.key(), e);
      deployment.loaded().completeExceptionally(e);
    }
    if (!isKept(deployment)) {
      unload(deployment);
    }
  }

  /** On its engine's last breath: whoever it answered has been told, its memory is free. */
  private void engineFailed(Deployment deployment) {
    VersionKey key = deployment.key();
    synchronized (this) {
      restarts.failed(key, nanoClock.getAsLong());
      deployment.count();
      if (closed || deployments.get(key) != deployment) {
        return;
      }
      log.error(
          "the engine of model {} stopped, {} times in a row; it is loaded again in {}",
          key,
          restarts.count(key),
          restarts.delay(key, nanoClock.getAsLong()));
      threads.execute(this::refresh);
    }
  }

  /** False where it was retired, or everything was closed, while it loaded. */
  private synchronized boolean isKept(Deployment deployment) {
    return !closed
        && (deployments.get(deployment.key()) == deployment || orphans.contains(deployment));
  }

  private synchronized void serves(AliasKey alias, Deployment deployment) {
    inService.put(alias, deployment.key());
  }

  /** A lease on what an alias led to before, where that still serves. */
  private synchronized Optional<Lease> previous(AliasKey alias) {
    VersionKey key = inService.get(alias);
    Deployment deployment = key == null ? null : deployments.get(key);
    if (deployment == null || !deployment.serves()) {
      return Optional.empty();
    }
    deployment.lease();
    return Optional.of(
        new VersionLease(deployment.loaded().join(), false, () -> release(deployment)));
  }

  private synchronized void release(Deployment deployment) {
    deployment.release();
  }

  /**
   * Loads what aliases in service name now, with their canaries, and unloads what nothing holds any
   * more. Called about every second and after each change of an alias.
   */
  public void refresh() {
    Map<AliasKey, Optional<RegisteredVersion>> targets = targets();
    synchronized (this) {
      if (closed) {
        return;
      }
      targets.forEach(this::advance);
      takeUnused(targets).forEach(deployment -> threads.execute(() -> unload(deployment)));
    }
  }

  private Map<AliasKey, Optional<RegisteredVersion>> targets() {
    Set<AliasKey> aliases;
    synchronized (this) {
      aliases = Set.copyOf(inService.keySet());
    }
    Map<AliasKey, Optional<RegisteredVersion>> targets = new HashMap<>();
    for (AliasKey alias : aliases) {
      if (alias.isCanary()) {
        targets.putIfAbsent(alias, Optional.empty()); // unless its default is in service, below
        continue;
      }
      try {
        targets.put(alias, Optional.of(registry.resolve(alias.reference())));
        if (alias.isDefault()) {
          targets.put(AliasKey.canary(alias.model()), canaries.find(alias.model(), any -> true));
        }
      } catch (ModelNotFoundException e) {
        targets.put(alias, Optional.empty());
      }
    }
    return targets;
  }

  private synchronized void advance(AliasKey alias, Optional<RegisteredVersion> target) {
    if (target.isEmpty()) {
      inService.remove(alias);
      return;
    }
    VersionKey key = VersionKey.of(target.get());
    if (alias.isCanary() && !key.equals(inService.get(alias))) {
      inService.remove(alias); // no earlier canary answers in the place of one that loads
    }
    Deployment deployment = deployments.get(key);
    boolean stopped = deployment != null && restarts.count(key) > 0;
    if (deployment == null || (stopped && due(deployment))) {
      load(target.get());
    } else if (deployment.serves() && !key.equals(inService.put(alias, key))) {
      log.info("model {} is {} for new conversations", alias, key);
    }
  }

  private synchronized List<Deployment> takeUnused(
      Map<AliasKey, Optional<RegisteredVersion>> targets) {
    Set<VersionKey> wanted = new HashSet<>(inService.values());
    targets.values().forEach(target -> target.map(VersionKey::of).ifPresent(wanted::add));
    List<Deployment> unused = new ArrayList<>();
    for (Deployment deployment : List.copyOf(deployments.values())) {
      boolean inMemory = deployment.serves() || deployment.broken();
      if (deployment.leases() == 0 && inMemory && !wanted.contains(deployment.key())) {
        deployments.remove(deployment.key());
        restarts.forget(deployment.key());
        unused.add(deployment);
      }
    }
    orphans.stream().filter(orphan -> orphan.leases() == 0).forEach(unused::add);
    orphans.removeAll(unused);
    return unused;
  }

  private void unload(Deployment deployment) {
    try {
      deployment.unload();
      log.info("model {} is unloaded", deployment.key());
    } catch (RuntimeException e) {
      log.error("model {} cannot be unloaded", deployment.key(), e);
    }
  }

  /** Whether every alias in service leads to a version that serves; canaries do not count. */
  public synchronized boolean healthy() {
    return inService.entrySet().stream()
        .filter(entry -> !entry.getKey().isCanary())
        .map(entry -> deployments.get(entry.getValue()))
        .allMatch(deployment -> deployment != null && deployment.serves());
  }

  /**
   * Loads what a reference names and puts it in service, as a conversation would.
   *
   * @throws RpcException if there is no such version or it cannot be loaded
   */
  public void preload(String modelReference) {
    acquireWithoutCanary(modelReference).close();
  }

  /** Whether this server can answer with a version at once. */
  public synchronized DeploymentState state(String model, int version) {
    VersionKey key = new VersionKey(model, version);
    Deployment deployment = deployments.get(key);
    if (deployment == null) {
      return DeploymentState.DEPLOYMENT_STATE_NOT_LOADED;
    }
    if (deployment.failed()) {
      return DeploymentState.DEPLOYMENT_STATE_FAILED;
    }
    if (!deployment.serves()) {
      return DeploymentState.DEPLOYMENT_STATE_LOADING;
    }
    return inService.containsValue(key)
        ? DeploymentState.DEPLOYMENT_STATE_SERVING
        : DeploymentState.DEPLOYMENT_STATE_DRAINING;
  }

  /** How often a version's engine failed in a row. */
  synchronized int failures(String model, int version) {
    return restarts.count(new VersionKey(model, version));
  }

  /** Conversations that hold a version. */
  public synchronized int conversations(String model, int version) {
    Deployment deployment = deployments.get(new VersionKey(model, version));
    return deployment == null ? 0 : deployment.leases();
  }

  /**
   * Lets go of a version that is about to be deleted.
   *
   * @return false if conversations hold it; nothing has changed then
   */
  boolean retire(String model, int version) {
    Deployment deployment;
    synchronized (this) {
      deployment = deployments.get(new VersionKey(model, version));
      if (deployment == null) {
        return true;
      }
      if (deployment.leases() > 0) {
        return false;
      }
      deployments.remove(deployment.key());
    }
    unload(deployment);
    return true;
  }

  /** Stops every engine and unloads everything. Conversations under way end with UNAVAILABLE. */
  @Override
  public void close() {
    List<Deployment> all;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      all = new ArrayList<>(deployments.values());
      all.addAll(orphans);
    }
    all.stream().filter(deployment -> deployment.loaded().isDone()).forEach(this::unload);
    threads.shutdown();
    try {
      if (!threads.awaitTermination(RETRY.toSeconds(), TimeUnit.SECONDS)) {
        log.warn("models still load; the process ends without them");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
