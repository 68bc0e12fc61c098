package dev.parley.trainer.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Duration;
import dev.parley.model.registry.RegisteredVersion;
import dev.parley.model.registry.Registry;
import dev.parley.trainer.loop.CheckpointStore;
import dev.parley.v1.TrainRequest;
import dev.parley.v1.TrainingJobState;
import dev.parley.v1.TrainingUpdate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Trainers that are killed with SIGKILL at random moments: while they start, train, save, register.
 * The kills are few by default; {@code -Dparley.test.arguments=-Dparley.kills=50} makes more of
 * them, {@code -Dparley.kills.seed=N} repeats those of a failure as far as time allows.
 */
final class KillTest {
  private static final int KILLS = Integer.getInteger("parley.kills", 5);
  private static final int STEPS = 60;

  /** Longer than a trainer takes to start on a busy machine. */
  private static final int LONGEST_MILLIS = 4_000;

  @TempDir Path directory;
  private @Nullable Process process;

  @AfterEach
  void endProcess() {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  @Test
  void kill_atRandomMoments_everyJobEndsWithTheWeightsOfOneThatRanThrough() throws Exception {
    long seed = Long.getLong("parley.kills.seed", System.nanoTime());
    System.out.println("KillTest seed " + seed + ", " + KILLS + " kills");
    SplittableRandom random = new SplittableRandom(seed);
    TestHome test = new TestHome(directory);
    Registry registry = new Registry(test.home.resolve("registry"));
    List<Watched> jobs = new ArrayList<>();
    Watched current = new Watched(JobDirectory.create(test.home, request(test)));
    jobs.add(current);
    for (int kill = 0; kill < KILLS; kill++) {
      if (current.ended()) {
        current = new Watched(JobDirectory.create(test.home, request(test)));
        jobs.add(current);
      }
      process = launch(test, current.job);
      if (random.nextBoolean()) {
        boolean unused = process.waitFor(random.nextInt(LONGEST_MILLIS), TimeUnit.MILLISECONDS);
      } else {
        awaitSteps(current, 1 + random.nextInt(STEPS));
      }
      process.destroyForcibly().waitFor();
      current.look();
      assertThat(current.job.job().getState())
          .isIn(
              TrainingJobState.TRAINING_JOB_STATE_CREATED,
              TrainingJobState.TRAINING_JOB_STATE_RUNNING,
              TrainingJobState.TRAINING_JOB_STATE_INTERRUPTED,
              TrainingJobState.TRAINING_JOB_STATE_FINISHED);
      assertOnlyWholeThings(registry, current.job);
    }
    Watched straight = new Watched(JobDirectory.create(test.home, request(test)));
    jobs.add(straight);
    for (Watched watched : jobs) {
      if (!watched.ended()) {
        process = launch(test, watched.job);
        assertThat(process.waitFor()).isZero();
      }
      watched.look();
      assertThat(watched.job.job().getState())
          .as("%s", watched.job.job())
          .isEqualTo(TrainingJobState.TRAINING_JOB_STATE_FINISHED);
      watched.assertNothingLost();
      assertOnlyWholeThings(registry, watched.job);
    }
    assertThat(registry.versions("shop")).hasSize(jobs.size());
    String expected = registry.resolve("shop@" + jobs.size()).manifest().weightsSha256();
    for (int version : registry.versions("shop")) {
      assertThat(registry.resolve("shop@" + version).manifest().weightsSha256())
          .as("seed %d, version %d", seed, version)
          .isEqualTo(expected);
    }
  }

  private static Process launch(TestHome test, JobDirectory job) {
    return TrainerProcess.launch(test.home, job.id(), new TrainerProcess.Resources(1, 256, 0));
  }

  private static TrainRequest request(TestHome test) {
    TrainRequest.Builder request = test.request();
    request
        .getParametersBuilder()
        .setMaxSteps(STEPS)
        .setDropout(0.1)
        .setLearningRate(0.01)
        .setEvaluationSteps(20)
        .setCheckpointSteps(3)
        .setCheckpointInterval(Duration.getDefaultInstance());
    return request.build();
  }

  /** What can be seen is whole: versions and checkpoints alike. */
  private static void assertOnlyWholeThings(Registry registry, JobDirectory job) throws Exception {
    for (int version : registry.versions("shop")) {
      RegisteredVersion registered = registry.resolve("shop@" + version);
      registry.verify(registered);
    }
    CheckpointStore store = new CheckpointStore(job.checkpoints(), target -> {});
    for (int step : store.steps()) {
      assertThat(store.verified(step).info().progress().step()).isEqualTo(step);
    }
  }

  private void awaitSteps(Watched watched, int steps) throws Exception {
    int made = watched.steps();
    while (watched.steps() < made + steps) {
      if (process == null || process.waitFor(5, TimeUnit.MILLISECONDS)) {
        return; // it was quicker
      }
      watched.look();
    }
  }

  /** A job whose log is followed by one reader across all kills. */
  private static final class Watched {
    final JobDirectory job;
    private final EventLog.Tail tail;
    private final List<TrainingUpdate> seen = new ArrayList<>();

    Watched(JobDirectory job) {
      this.job = job;
      this.tail = job.events().tail(1);
    }

    void look() {
      seen.addAll(tail.poll());
    }

    int steps() {
      return (int) seen.stream().filter(TrainingUpdate::hasStep).count();
    }

    boolean ended() {
      return !seen.isEmpty() && JobState.isLast(seen.get(seen.size() - 1));
    }

    void assertNothingLost() {
      assertThat(job.events().read(1)).isEqualTo(seen);
      assertThat(seen)
          .extracting(TrainingUpdate::getSequence)
          .containsExactlyElementsOf(LongStream.rangeClosed(1, seen.size()).boxed().toList());
    }
  }
}
