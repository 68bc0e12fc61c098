package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.torch.Torch;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * A job of many steps, with evaluations, samples and checkpoints in between, takes no more memory
 * at its end than early on, and no longer for a step: the processor's time is compared, since what
 * else a machine does makes the clock's longer. The steps are few by default; {@code
 * -Dparley.test.arguments=-Dparley.steps=10000} makes more of them.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "resident memory is read from /proc")
final class EnduranceTest {
  private static final int STEPS = Integer.getInteger("parley.steps", 400);

  /** What a heap and an allocator that have settled still move by. */
  private static final double ALLOWED_MEGABYTES = 100;

  @TempDir Path directory;

  @BeforeAll
  static void useOneThread() {
    Torch.setThreads(1);
  }

  @Test
  void run_manySteps_memoryAndStepTimeStayAsTheyAre() throws IOException {
    TestHome test = new TestHome(directory);
    TrainRequest.Builder request = test.request();
    request
        .getParametersBuilder()
        .setMaxSteps(STEPS)
        .setLearningRate(0.001)
        .setDropout(0.1)
        .setEvaluationSteps(STEPS / 20)
        .setCheckpointSteps(STEPS / 20);
    JobDirectory job = JobDirectory.create(test.home, request.build());
    double[] milliseconds = new double[STEPS];
    double[] megabytes = new double[STEPS];
    double[] processor = new double[STEPS]; // milliseconds
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long[] last = {System.nanoTime(), threads.getCurrentThreadCpuTime()};
    Consumer<TrainingUpdate> watcher =
        update -> {
          long now = System.nanoTime();
          long used = threads.getCurrentThreadCpuTime(); // the arithmetic has this thread alone
          if (update.hasStep()) {
            int index = update.getStep().getStep() - 1;
            milliseconds[index] = (now - last[0]) / 1e6;
            processor[index] = (used - last[1]) / 1e6;
            megabytes[index] = resident();
          }
          last[0] = System.nanoTime(); // evaluations and checkpoints are no part of a step
          last[1] = threads.getCurrentThreadCpuTime();
        };

    TrainingJobState state = TrainingJob.run(test.home, job.id(), watcher, () -> false);

    assertThat(state).as("%s", job.job()).isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
    double[] steps = medians(milliseconds);
    double[] used = medians(processor);
    System.out.printf(
        "EnduranceTest %,d steps: resident MB after 10 %%: %.0f, 25 %%: %.0f, 50 %%: %.0f, 75 %%: %.0f,"
            + " 100 %%: %.0f; ms a step, medians of the quarters: %.2f, %.2f, %.2f, %.2f%n",
        STEPS,
        megabytes[STEPS / 10 - 1],
        megabytes[STEPS / 4 - 1],
        megabytes[STEPS / 2 - 1],
        megabytes[STEPS * 3 / 4 - 1],
        megabytes[STEPS - 1],
        steps[0],
        steps[1],
        steps[2],
        steps[3]);
    assertThat(megabytes[STEPS - 1]).isLessThan(megabytes[STEPS / 2 - 1] + ALLOWED_MEGABYTES);
    assertThat(used[3]).isLessThan(2 * used[1]); // a quadratic loop would take far longer
  }

  /** Of each quarter. */
  private static double[] medians(double[] values) {
    double[] medians = new double[4];
    for (int quarter = 0; quarter < 4; quarter++) {
      medians[quarter] =
          median(Arrays.copyOfRange(values, quarter * STEPS / 4, (quarter + 1) * STEPS / 4));
    }
    return medians;
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  /** Of this process. */
  private static double resident() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
