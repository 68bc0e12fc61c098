package dev.parley.trainer.job;

import dev.parley.model.torch.Torch;
import dev.parley.v1.TrainingJobState;
import java.nio.file.Path;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The trainer's own process: runs one job of a home.
 *
 * <p>Exit codes: 0 the job finished, or was cancelled as asked; 1 it failed; 2 wrong usage; {@value
 * #INTERRUPTED} it was interrupted and goes on when it is run again. SIGTERM interrupts the job at
 * its next step, after a checkpoint, and SIGINT does where its launcher did not have it ignored.
 */
public final class TrainerMain {
  private static final Logger log = LoggerFactory.getLogger(TrainerMain.class);
  private static final String USAGE = "usage: trainer --home DIR --job ID [--threads N]";

  /** EX_TEMPFAIL of sysexits.h: try again. */
  static final int INTERRUPTED = 75;

  private TrainerMain() {}

  /** What the command line says. */
  private record Arguments(Path home, String job, int threads) {
    static Arguments parse(List<String> args) {
      if (args.size() % 2 != 0) {
        throw new IllegalArgumentException("every option takes a value");
      }
      String home = "";
      String job = "";
      int threads = 0;
      for (int i = 0; i < args.size(); i += 2) {
        String value = args.get(i + 1);
        switch (args.get(i)) {
          case "--home" -> home = value;
          case "--job" -> job = value;
          case "--threads" -> threads = Integer.parseInt(value);
          default -> throw new IllegalArgumentException("unknown option " + args.get(i));
        }
      }
      if (home.isEmpty() || job.isEmpty()) {
        throw new IllegalArgumentException("--home and --job are needed");
      }
      return new Arguments(Path.of(home), job, threads);
    }
  }

  /** Runs the job that the arguments name, and ends the process. */
  public static void main(String... args) {
    AtomicBoolean interrupted = new AtomicBoolean();
    CountDownLatch ended = new CountDownLatch(1);
    int[] exitCode = {1};
    Thread hook =
        new Thread(
            () -> {
              interrupted.set(true);
              awaitUninterruptibly(ended);
              Runtime.getRuntime().halt(exitCode[0]); // not the signal's 143
            },
            "interrupt-on-signal");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      exitCode[0] = run(List.of(args), interrupted);
    } finally {
      ended.countDown();
    }
    System.exit(exitCode[0]);
  }

  private static int run(List<String> args, AtomicBoolean interrupted) {
    Arguments arguments;
    try {
      arguments = Arguments.parse(args);
    } catch (IllegalArgumentException e) {
      log.error("{}; {}", e.getMessage(), USAGE);
      return 2;
    }
    try {
      if (arguments.threads() > 0) {
        Torch.setThreads(arguments.threads());
      }
      TrainingJobState state =
          TrainingJob.run(arguments.home(), arguments.job(), update -> {}, interrupted::get);
      log.info("job {}: {}", arguments.job(), state);
      return switch (state) {
        case TRAINING_JOB_STATE_FAILED -> 1;
        case TRAINING_JOB_STATE_INTERRUPTED -> INTERRUPTED;
        default -> 0;
      };
    } catch (NoSuchElementException e) {
      log.error("{}; {}", e.getMessage(), USAGE);
      return 2;
    } catch (RuntimeException e) {
      log.error("job {} could not be run", arguments.job(), e);
      return 1;
    }
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    boolean done = false;
    while (!done) {
      try {
        latch.await();
        done = true;
      } catch (InterruptedException e) {
        // the process ends anyway; the job must end first
      }
    }
  }
}
