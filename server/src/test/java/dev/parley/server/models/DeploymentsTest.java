package dev.parley.server.models;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.registry.EmbeddedBase;
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
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeploymentsTest {
  @TempDir private Path home;
  private final List<Integer> loading = new CopyOnWriteArrayList<>();
  private final List<Integer> unloaded = new CopyOnWriteArrayList<>();
  private final CountDownLatch secondMayLoad = new CountDownLatch(1);
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
    deployments = new Deployments(registry, loader, observer);
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
  }

  @Test
  void refresh_engineHasDied_loadsTheVersionAgain_theOldGoesWithItsLastConversation() {
    Lease broken = deployments.acquire("m");
    Conversation conversation = broken.engine().open(() -> new int[0]);

    conversation.submit(DeploymentsTest::request, new Deadly());
    Settled.until(() -> broken.engine().failure().isPresent());

    assertThat(deployments.healthy()).isFalse();
    assertThat(deployments.state("m", 1)).isEqualTo(DeploymentState.DEPLOYMENT_STATE_FAILED);
    deployments.refresh();
    Lease fresh = deployments.acquire("m");
    assertThat(fresh.engine()).isNotSameAs(broken.engine());
    assertThat(fresh.engine().alive()).isTrue();
    assertThat(deployments.healthy()).isTrue();
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
