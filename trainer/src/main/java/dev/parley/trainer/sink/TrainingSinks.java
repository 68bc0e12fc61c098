package dev.parley.trainer.sink;

import dev.parley.v1.TrainingUpdate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.LongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tools that hear how a training goes. None of them can stop it: one that fails is left out
 * from then on, and that is said once, in the log and as a {@link Warning}. Used by the thread that
 * trains.
 */
public final class TrainingSinks implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainingSinks.class);

  private final List<TrainingSink> sinks = new ArrayList<>();
  private final Queue<Warning> warnings = new ConcurrentLinkedQueue<>();

  private TrainingSinks() {}

  /**
   * A sink does not work.
   *
   * @param reason for programs, such as MLFLOW_FAILED
   * @param message for people: what, why, and what to do
   */
  public record Warning(String reason, String message) {}

  /** A place in an event log. */
  @FunctionalInterface
  public interface Updates {
    /** The next updates, at most {@code most}; empty if there are none yet. */
    List<TrainingUpdate> next(int most);
  }

  /**
   * The sinks of a job.
   *
   * @param directory of the job
   * @param log opens its event log at a sequence number
   */
  public static TrainingSinks open(
      Path directory, SinkSettings settings, LongFunction<Updates> log) {
    TrainingSinks sinks = new TrainingSinks();
    if (settings.tensorBoard()) {
      sinks.sinks.add(new TensorBoardSink(directory.resolve("tensorboard")));
    }
    settings
        .mlflowUri()
        .ifPresent(
            uri -> {
              try {
                sinks.sinks.add(
                    new MlflowSink(
                        MlflowSettings.of(uri, settings.environment()),
                        directory.resolve("mlflow.json"),
                        log,
                        warning -> sinks.warn(warning, null)));
              } catch (IllegalArgumentException e) {
                sinks.warn(new Warning("MLFLOW_FAILED", String.valueOf(e.getMessage())), null);
              }
            });
    return sinks;
  }

  /** Tells every sink. */
  public void accept(TrainingUpdate update) {
    for (TrainingSink sink : List.copyOf(sinks)) {
      try {
        sink.accept(update);
      } catch (RuntimeException e) {
        sinks.remove(sink);
        String message = e.getMessage() == null ? e.toString() : e.getMessage();
        warn(
            new Warning(
                sink.name().toUpperCase(java.util.Locale.ROOT) + "_FAILED",
                "%s hears nothing more of this job, which goes on: %s"
                    .formatted(sink.name(), message)),
            e);
        closeQuietly(sink);
      }
    }
  }

  /** What went wrong since the last call; each thing once. */
  public List<Warning> warnings() {
    List<Warning> said = new ArrayList<>();
    for (Warning warning = warnings.poll(); warning != null; warning = warnings.poll()) {
      said.add(warning);
    }
    return said;
  }

  private void warn(Warning warning, @org.jspecify.annotations.Nullable Throwable cause) {
    log.warn("{}", warning.message());
    log.debug("because of", cause);
    warnings.add(warning);
  }

  private static void closeQuietly(TrainingSink sink) {
    try {
      sink.close();
    } catch (RuntimeException e) {
      log.warn("{} could not be closed: {}", sink.name(), e.toString());
    }
  }

  @Override
  public void close() {
    sinks.forEach(TrainingSinks::closeQuietly);
    sinks.clear();
  }
}
