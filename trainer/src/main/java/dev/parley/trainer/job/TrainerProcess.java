package dev.parley.trainer.job;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A training job in a process of its own: a JVM with the same class path and its own memory and
 * threads, so that a crash of the trainer cannot touch a chat. It outlives the process that
 * launched it; stopping it ({@link Process#destroy}, SIGTERM) interrupts the job at its next step,
 * with a checkpoint.
 */
public final class TrainerProcess {
  /**
   * Ctrl-C goes to every process of the terminal, so it would interrupt the jobs of a server that
   * it stops. What is ignored across {@code exec} stays ignored: a JVM then takes no handler for
   * it. Windows has no such shell; Ctrl-C interrupts the job there.
   */
  private static final String UNTOUCHED_BY_THE_TERMINAL = "trap '' INT HUP; exec ";

  private TrainerProcess() {}

  /**
   * What the process may use.
   *
   * @param threads for libtorch's arithmetic; at least 1
   * @param heapMegabytes of the JVM; tensors are not in its heap
   * @param niceness from 0 (the launcher's own priority) to 19 (only what nobody else wants); on
   *     Windows it means nothing
   */
  public record Resources(int threads, int heapMegabytes, int niceness) {
    /** The system gives a chat's thread about nine times the share of a trainer's. */
    public static final int DEFAULT_NICENESS = 10;

    /**
     * Half of the processors, rounded up, so that chats keep the other half; 1 GiB of heap, which
     * the dialogues of a gigabyte of text fit into.
     */
    public static Resources defaults() {
      return new Resources(
          (Runtime.getRuntime().availableProcessors() + 1) / 2, 1024, DEFAULT_NICENESS);
    }
  }

  /**
   * Starts the process; it runs the job and ends.
   *
   * @return the process; its output goes to {@code trainer.log} of the job
   * @throws UncheckedIOException if no process could be started
   */
  public static Process launch(Path home, String jobId, Resources resources) {
    JobDirectory job = JobDirectory.open(home, jobId);
    List<String> command = new ArrayList<>(shell(resources.niceness()));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Xmx" + resources.heapMegabytes() + "m");
    command.add("-XX:+UseSerialGC"); // its threads would take cores from the arithmetic
    System.getProperties().stringPropertyNames().stream()
        .filter(name -> name.startsWith("ai.djl.") || name.startsWith("logback."))
        .sorted()
        .forEach(name -> command.add("-D" + name + "=" + System.getProperty(name)));
    command.add(TrainerMain.class.getName());
    command.addAll(List.of("--home", home.toAbsolutePath().toString(), "--job", jobId));
    command.addAll(List.of("--threads", Integer.toString(resources.threads())));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(job.log().toFile()));
    Map<String, String> environment = builder.environment();
    environment.put("CLASSPATH", System.getProperty("java.class.path")); // of any length
    environment.put("OMP_NUM_THREADS", Integer.toString(resources.threads()));
    // Threads that spin for long slow the chats beside them down by a factor.
    environment.putIfAbsent("GOMP_SPINCOUNT", "20000");
    // glibc gives buffers above 32 MiB back after each operation and takes them again page by page:
    // 40 % of a step. No threshold may be set above that, but mapping can be switched off; and only
    // the first arena can hold buffers of that size.
    environment.putIfAbsent("MALLOC_MMAP_MAX_", "0");
    environment.putIfAbsent("MALLOC_TRIM_THRESHOLD_", "4294967296");
    environment.putIfAbsent("MALLOC_ARENA_MAX", "1");
    environment.putIfAbsent("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"); // huge pages
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      return process;
    } catch (IOException e) {
      throw new UncheckedIOException("trainer of job " + jobId + " cannot be started: " + e, e);
    }
  }

  private static List<String> shell(int niceness) {
    if (File.separatorChar != '/') {
      return List.of();
    }
    String nice = niceness > 0 ? "nice -n %d ".formatted(niceness) : "";
    return List.of("/bin/sh", "-c", UNTOUCHED_BY_THE_TERMINAL + nice + "\"$@\"", "trainer");
  }

  /** {@link #launch(Path, String, Resources)} with the default resources. */
  public static Process launch(Path home, String jobId) {
    return launch(home, jobId, Resources.defaults());
  }
}
