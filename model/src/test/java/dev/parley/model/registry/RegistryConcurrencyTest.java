package dev.parley.model.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RegistryConcurrencyTest {
  private static final int THREADS = 8;
  private static final int VERSIONS_A_THREAD = 4;
  private static final int VERSIONS_A_PROCESS = 16;

  @TempDir Path root;

  @Test
  void publish_threadsAndProcessesAtOnce_losesNone() throws Exception {
    Registry registry = new Registry(root);
    List<Process> processes = new ArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      for (int i = 0; i < 2; i++) {
        processes.add(
            RegistryProcess.start(
                "publish", root.toString(), "greeter", Integer.toString(VERSIONS_A_PROCESS)));
      }
      for (Process process : processes) {
        assertThat(process.inputReader().readLine()).isEqualTo("ready");
      }
      for (Process process : processes) {
        RegistryProcess.go(process);
      }
      Callable<List<Integer>> work =
          () ->
              IntStream.range(0, VERSIONS_A_THREAD)
                  .mapToObj(i -> Versions.publish(registry, "greeter").version())
                  .toList();
      List<Integer> versions = new ArrayList<>();
      for (Future<List<Integer>> some : threads.invokeAll(Collections.nCopies(THREADS, work))) {
        versions.addAll(some.get());
      }
      for (Process process : processes) {
        process.inputReader().lines().map(Integer::valueOf).forEach(versions::add);
        assertThat(process.waitFor()).isZero();
      }

      int count = THREADS * VERSIONS_A_THREAD + 2 * VERSIONS_A_PROCESS;
      List<Integer> all = IntStream.rangeClosed(1, count).boxed().toList();
      assertThat(versions).containsExactlyInAnyOrderElementsOf(all);
      assertThat(registry.versions("greeter")).isEqualTo(all);
      assertThat(registry.aliases("greeter")).containsEntry("default", 1);
      for (int version : all) {
        registry.verify(registry.resolve(ModelReference.of("greeter", version)));
      }
      assertThat(Versions.tree(root.resolve(".staging"))).isEmpty();
    } finally {
      threads.shutdownNow();
      processes.forEach(Process::destroyForcibly);
    }
  }

  @Test
  void stage_processIsKilled_isNeverVisibleAndCleanedByTheNext() throws Exception {
    Registry registry = new Registry(root);
    Process process = RegistryProcess.start("stage", root.toString(), "greeter");
    try (BufferedReader output = process.inputReader()) {
      assertThat(output.readLine()).isEqualTo("ready");
      RegistryProcess.go(process);
      assertThat(output.readLine()).isEqualTo("staged");
      assertThat(registry.models()).isEmpty();
      try (StagedVersion own = registry.stage("greeter")) {
        assertThat(own.directory()).isEmptyDirectory();
        assertThat(slots()).as("the living process keeps its slot").hasSize(2);
      }
    } finally {
      process.destroyForcibly().waitFor();
    }

    assertThat(registry.models()).isEmpty();
    assertThat(slots()).hasSize(1);
    try (StagedVersion own = registry.stage("greeter")) {
      assertThat(slots()).containsExactly(own.directory().getParent().getFileName().toString());
      Versions.fill(own, "weights");
      assertThat(own.publish(Versions.LINEAGE).version()).isEqualTo(1);
    }
  }

  @Test
  void setAlias_whileReading_isAlwaysOneOrTheOther() throws Exception {
    Registry registry = new Registry(root);
    Versions.publish(registry, "greeter");
    Versions.publish(registry, "greeter");
    ExecutorService threads = Executors.newSingleThreadExecutor();
    try {
      Future<?> writer =
          threads.submit(
              () -> {
                for (int i = 0; i < 50; i++) {
                  registry.setAlias("greeter", "default", 1 + i % 2);
                }
              });
      while (!writer.isDone()) {
        assertThat(registry.resolve("greeter").version()).isBetween(1, 2);
      }
      writer.get();
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void ensure_twoProcessesAtOnce_giveTheSameVersion() throws Exception {
    List<Process> processes = new ArrayList<>();
    try {
      for (int i = 0; i < 2; i++) {
        processes.add(RegistryProcess.start("base", root.toString()));
      }
      for (Process process : processes) {
        assertThat(process.inputReader().readLine()).isEqualTo("ready");
      }
      for (Process process : processes) {
        RegistryProcess.go(process);
      }
      for (Process process : processes) {
        assertThat(process.inputReader().readLine()).isEqualTo("parley-tiny@1");
        assertThat(process.waitFor()).isZero();
      }
    } finally {
      processes.forEach(Process::destroyForcibly);
    }
    Registry registry = new Registry(root);
    assertThat(registry.versions("parley-tiny")).containsExactly(1);
    registry.verify(registry.resolve("parley-tiny"));
    assertThat(slots()).isEmpty();
  }

  private List<String> slots() throws Exception {
    return DurableFiles.list(root.resolve(".staging")).stream()
        .map(slot -> slot.getFileName().toString())
        .toList();
  }
}
