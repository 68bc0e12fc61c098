package dev.parley.server.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import com.google.rpc.RetryInfo;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.registry.Canary;
import dev.parley.model.registry.EmbeddedBase;
import dev.parley.model.registry.Manifest;
import dev.parley.model.registry.Registry;
import dev.parley.server.chat.ServedModels.Lease;
import dev.parley.server.engine.Conversation;
import dev.parley.server.engine.EngineLimits;
import dev.parley.server.engine.EngineObserver;
import dev.parley.server.engine.SamplingParameters;
import dev.parley.server.engine.Settled;
import dev.parley.server.engine.TurnOutcome;
import dev.parley.server.engine.TurnRequest;
import dev.parley.server.engine.TurnSink;
import dev.parley.server.ops.TestHome;
import dev.parley.server.rpc.RpcException;
import dev.parley.v1.DeploymentState;
import dev.parley.v1.ServedModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class DeploymentsTest {
  @TempDir private Path home;
  private final List<Integer> loading = new CopyOnWriteArrayList<>();
  private final List<Integer> unloaded = new CopyOnWriteArrayList<>();
  private final AtomicInteger restarts = new AtomicInteger();
  private final AtomicLong clock = new AtomicLong();
  private final AtomicInteger missed = new AtomicInteger();
  private final Random random = new Random(20_260_101);
  private final CountDownLatch secondMayLoad = new CountDownLatch(1);
  private final Semaphore loads = new Semaphore(1_000);
  private Registry registry;
  private VersionLoader loader;
  private Deployments deployments;

  @BeforeEach
  void start() throws Exception {
    registry = TestHome.registry(home);
    EmbeddedBase.ensure(registry);
    TestHome.copy(home, "parley-tiny", "m");
    TestHome.copy(home, "parley-tiny", "m");
    ModelObserver observer = new Heard();
    loader =
        new VersionLoader(
            registry,
            Device.cpu(),
            Precision.FP32,
            shape -> EngineLimits.of(shape, 1 << 10, 64 << 20),
            observer);
    deployments = new Deployments(registry, loader, observer, clock::get, random::nextDouble);
  }

  @AfterEach
  void everythingThatWasLoadedIsUnloaded() {
    deployments.close();
    loader.close();
    assertThat(unloaded).containsExactlyInAnyOrderElementsOf(loading);
  }

  /** Holds the second version up until a test lets it load. */
  private final class Heard implements ModelObserver {
    @Override
    public EngineObserver loading(ServedModel version) {
      loading.add(version.getVersion());
      try {
        assertThat(loads.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
        assertThat(version.getVersion() == 1 || secondMayLoad.await(60, TimeUnit.SECONDS)).isTrue();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return EngineObserver.NONE;
    }

    @Override
    public void unloaded(ServedModel version) {
      unloaded.add(version.getVersion());
    }

    @Override
    public void loadFailed(String model, int version) {}

    @Override
    public void canaryMissed(String model) {
      missed.incrementAndGet();
    }

    @Override
    public void engineRestarts(String model, int version) {
      restarts.incrementAndGet();
    }
  }

  @Test
  void acquire_engineHasDied_versionIsLoadedAgain_theOldGoesWithItsLastConversation() {
    Lease broken = deployments.acquire("m");
    loads.drainPermits();
    Conversation conversation = broken.engine().open(() -> new int[0]);

    conversation.submit(DeploymentsTest::request, new Deadly());
    Settled.until(() -> broken.engine().failure().isPresent());

    assertThat(deployments.healthy()).isFalse();
    assertThat(deployments.state("m", 1))
        .isIn(DeploymentState.DEPLOYMENT_STATE_FAILED, DeploymentState.DEPLOYMENT_STATE_LOADING);
    loads.release(1_000);
    Settled.until(deployments::healthy); // nobody asked for it
    assertThat(restarts).hasValue(1);
    Lease fresh = deployments.acquire("m");
    assertThat(fresh.engine()).isNotSameAs(broken.engine());
    assertThat(fresh.engine().alive()).isTrue();
    deployments.refresh();
    assertThat(unloaded).as("a conversation still holds the broken one").isEmpty();

    conversation.close();
    broken.close();
    deployments.refresh();

    Settled.until(() -> !unloaded.isEmpty());
    assertThat(unloaded).containsExactly(1);
    assertThat(deployments.state("m", 1)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_SERVING);
    assertThat(fresh.engine().alive()).isTrue();
    fresh.close();
  }

  @Test
  void acquire_engineDiesAgainAndAgain_isLoadedLaterEachTime() throws Exception {
    kill(1);
    Settled.until(deployments::healthy);
    for (int failures = 2; failures < Restarts.ATTEMPTS; failures++) {
      kill(failures);
      Duration delay = Duration.ofSeconds(1L << (failures - 2));
      assertRestarting(failures, delay);
      clock.addAndGet(delay.toNanos() - 1);
      deployments.refresh();
      assertRestarting(failures, Duration.ofNanos(1));
      clock.addAndGet(1);
      deployments.refresh();
      Settled.until(deployments::healthy);
    }
    assertThat(restarts).hasValue(Restarts.ATTEMPTS - 1);

    kill(Restarts.ATTEMPTS);
    assertRestarting(Restarts.ATTEMPTS, Restarts.QUIET);
    clock.addAndGet(Restarts.QUIET.toNanos());
    deployments.refresh();
    Settled.until(deployments::healthy);
    clock.addAndGet(1);
    kill(1); // it began a new row
    Settled.until(deployments::healthy);
    assertThat(restarts).hasValue(Restarts.ATTEMPTS + 1);
  }

  private void kill(int failures) {
    try (Lease lease = deployments.acquire("m")) {
      lease.engine().open(() -> new int[0]).submit(DeploymentsTest::request, new Deadly());
      Settled.until(() -> deployments.failures("m", 1) == failures);
    }
  }

  private void assertRestarting(int failures, Duration delay) {
    assertThat(deployments.healthy()).isFalse();
    assertThatThrownBy(() -> deployments.acquire("m"))
        .hasMessageContaining("stopped %d times in a row", failures)
        .isInstanceOfSatisfying(
            RpcException.class,
            e -> {
              assertThat(e.toStatus().getCode()).isEqualTo(Code.UNAVAILABLE_VALUE);
              try {
                RetryInfo retry = e.toStatus().getDetails(1).unpack(RetryInfo.class);
                assertThat(Durations.toNanos(retry.getRetryDelay())).isEqualTo(delay.toNanos());
              } catch (InvalidProtocolBufferException bad) {
                throw new AssertionError(bad);
              }
            });
  }

  @Test
  void refresh_engineOfAnExplicitVersionHasDied_nothingOfItStays() {
    Lease broken = deployments.acquire("m@1");
    broken.engine().open(() -> new int[0]).submit(DeploymentsTest::request, new Deadly());
    Settled.until(() -> broken.engine().failure().isPresent());

    broken.close();
    deployments.refresh();

    Settled.until(() -> !unloaded.isEmpty());
    assertThat(deployments.state("m", 1)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_NOT_LOADED);
  }

  @Test
  void retire_versionThatLoads_isUnloadedWhenItHas() {
    deployments.acquire("m").close();
    registry.setAlias("m", "default", 2);
    deployments.refresh();
    Settled.until(() -> loading.contains(2));
    registry.setAlias("m", "default", 1);

    assertThat(deployments.retire("m", 2)).isTrue();
    secondMayLoad.countDown();

    Settled.until(() -> unloaded.contains(2));
    assertThat(deployments.state("m", 2)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_NOT_LOADED);
    assertThat(deployments.state("m", 1)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_SERVING);
  }

  @Test
  void acquire_canaryLoads_defaultAnswersUntilItServes() {
    deployments.acquire("m").close();
    registry.setCanary("m", new Canary(2, 1));
    deployments.refresh();
    Settled.until(() -> loading.contains(2));

    assertThat(version("m")).isEqualTo(1);
    assertThat(missed).hasValue(1);
    assertThat(deployments.state("m", 2)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_LOADING);
    assertThat(deployments.healthy()).isTrue();

    secondMayLoad.countDown();
    awaitServing(2);

    assertThat(version("m")).isEqualTo(2);
    assertThat(version("m@1")).as("an explicit version").isEqualTo(1);
    assertThat(version("m@default")).as("an explicit alias").isEqualTo(1);
    assertThat(missed).hasValue(1);
  }

  @Test
  void acquire_share_isThatOfTheSeed() {
    withCanary(0.25);
    Random same = new Random(20_260_101);

    for (int i = 0; i < 400; i++) {
      boolean canary = same.nextDouble() < 0.25;
      assertThat(version("m")).as("conversation %d", i).isEqualTo(canary ? 2 : 1);
    }
  }

  @Test
  void acquire_canaryEngineHasDied_defaultAnswersTillItIsLoadedAgain() {
    withCanary(1);
    Lease running = deployments.acquire("m");
    assertThat(running.canary()).isTrue();
    loads.drainPermits();

    running.engine().open(() -> new int[0]).submit(DeploymentsTest::request, new Deadly());
    Settled.until(() -> running.engine().failure().isPresent());

    assertThat(version("m")).isEqualTo(1);
    assertThat(deployments.healthy()).as("the default answers").isTrue();
    running.close();
    loads.release(1_000);
    Settled.until(() -> restarts.get() == 1);
    awaitServing(2);
    assertThat(version("m")).isEqualTo(2);
  }

  @Test
  void refresh_canaryHasEnded_itsConversationsGoOn_thenItIsUnloaded() {
    withCanary(1);
    Lease running = deployments.acquire("m");
    registry.endCanary("m");
    deployments.refresh();

    assertThat(version("m")).isEqualTo(1);
    assertThat(running.engine().alive()).isTrue();
    assertThat(deployments.state("m", 2)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_DRAINING);

    running.close();
    deployments.refresh();
    Settled.until(() -> unloaded.contains(2));
  }

  @Test
  void refresh_nobodyTalks_canaryStaysLoaded() {
    withCanary(0.5);
    for (int i = 0; i < 3; i++) {
      deployments.refresh();
    }
    assertThat(deployments.state("m", 2)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_SERVING);
    assertThat(unloaded).isEmpty();
  }

  @Test
  void refresh_canaryCannotBeRead_isSaidOnceAndAgainWhenItBreaksAgain() throws Exception {
    withCanary(1);
    Path manifest = home.resolve("registry/m/2").resolve(Manifest.FILE);
    byte[] whole = Files.readAllBytes(manifest);
    Logger log = (Logger) LoggerFactory.getLogger(Canaries.class);
    ListAppender<ILoggingEvent> said = new ListAppender<>();
    said.start();
    log.addAppender(said);
    try {
      for (int damages = 1; damages <= 2; damages++) {
        Files.writeString(manifest, "{");
        for (int second = 0; second < 5; second++) {
          deployments.refresh();
          assertThat(version("m")).as("the default answers").isEqualTo(1);
        }
        assertThat(said.list)
            .filteredOn(event -> event.getFormattedMessage().contains("canary"))
            .hasSize(damages);
        Files.write(manifest, whole);
        awaitServing(2);
      }
    } finally {
      log.detachAppender(said);
    }
  }

  private void withCanary(double share) {
    secondMayLoad.countDown();
    deployments.acquire("m").close();
    registry.setCanary("m", new Canary(2, share));
    deployments.refresh();
    awaitServing(2);
  }

  private void awaitServing(int version) {
    Settled.until(
        () -> {
          deployments.refresh();
          return deployments.state("m", version) == DeploymentState.DEPLOYMENT_STATE_SERVING;
        });
  }

  private int version(String reference) {
    try (Lease lease = deployments.acquire(reference)) {
      return lease.identity().getVersion();
    }
  }

  private static TurnRequest request() {
    return new TurnRequest(
        new int[] {1}, SamplingParameters.greedy(1), TurnRequest.NEVER, TurnRequest.NEVER);
  }

  /** Ends the engine that asks it, as a machine without memory would. */
  private static final class Deadly implements TurnSink {
    @Override
    public boolean ready() {
      throw new OutOfMemoryError("made by a test");
    }

    @Override
    public @Nullable Stop token(int token) {
      return null;
    }

    @Override
    public void finished(TurnOutcome outcome) {}

    @Override
    public void failed(RpcException error) {}
  }
}
