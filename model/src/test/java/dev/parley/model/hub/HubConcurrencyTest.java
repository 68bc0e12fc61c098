package dev.parley.model.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several who want the same model at once: each file is downloaded once. */
class HubConcurrencyTest {
  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  private static final int THREADS = 4;
  private static final int PROCESSES = 2;

  @TempDir Path scratch;

  @Test
  void snapshot_threadsAndProcessesAtOnce_downloadOnce() throws Exception {
    List<Process> processes = new ArrayList<>();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try (HubStandIn server = new HubStandIn("microsoft/DialoGPT-test")) {
      server.publish("main", COMMIT, DialoGptFiles.legacy(scratch));
      CountDownLatch gate = new CountDownLatch(1);
      server.hold(gate);
      for (int i = 0; i < PROCESSES; i++) {
        processes.add(HubProcess.start(server.endpoint(), scratch, server.repository));
      }
      for (Process process : processes) {
        assertThat(process.inputReader().readLine()).isEqualTo("ready");
      }
      List<Future<Path>> directories = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        HubFixture fixture = new HubFixture(server, scratch.resolve("hub"));
        directories.add(threads.submit(() -> fixture.snapshot().directory()));
      }
      for (Process process : processes) {
        HubProcess.go(process);
      }
      gate.countDown();

      Path expected =
          scratch.resolve("hub/models--microsoft--DialoGPT-test/snapshots").resolve(COMMIT);
      for (Future<Path> directory : directories) {
        assertThat(directory.get()).isEqualTo(expected);
      }
      for (Process process : processes) {
        assertThat(process.inputReader().readLine()).isEqualTo(expected.toString());
        assertThat(process.waitFor()).isZero();
      }
      List<String> requests = server.requests();
      assertThat(requests).filteredOn(r -> r.startsWith("GET cdn")).hasSize(1);
      assertThat(requests)
          .filteredOn(r -> r.startsWith("GET hub"))
          .hasSize(2 * 3 + 1); // config, vocabulary, merges with a redirect each; the weights
    } finally {
      threads.shutdownNow();
      processes.forEach(Process::destroyForcibly);
    }
  }
}
