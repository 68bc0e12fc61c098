package dev.parley.server.ops;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a server runs. {@link Setting} describes each value and the reason for its default.
 *
 * @param home absolute
 * @param models registry references to load at start
 * @param kvMemory bytes for the keys and values of one model version
 * @param sharePrefixes whether conversations share what is cached of the same beginning
 * @param trainerMemory bytes of a trainer's Java heap
 * @param trainerThreads of a trainer's arithmetic; 0: half of the processors, rounded up
 * @param trainerNiceness of a trainer's process, from 0 to 19
 * @param maxUpload bytes of an uploaded dataset
 * @param effective every setting with its text and where it came from, for the log
 */
public record ServerConfig(
    HostPort listen,
    HostPort admin,
    Path home,
    String device,
    String precision,
    List<String> models,
    int maxConversations,
    int maxQueuedTurns,
    long kvMemory,
    boolean sharePrefixes,
    int maxReplies,
    int stepTokens,
    int promptTokens,
    boolean speculation,
    int trainingConcurrency,
    long trainerMemory,
    int trainerThreads,
    int trainerNiceness,
    Duration drainTime,
    long maxUpload,
    List<Effective> effective) {

  /**
   * A setting as it is in force.
   *
   * @param source {@code flag}, {@code environment}, {@code file} or {@code default}
   */
  public record Effective(String name, String value, String source) {
    @Override
    public String toString() {
      return "%s=%s (%s)".formatted(name, value, source);
    }
  }

  /**
   * Reads settings; a flag wins over the environment, the environment over the file, the file over
   * the default.
   *
   * @param flags by setting name, without the leading dashes
   * @param environment the variables of the process; those that start with PARLEY_ must be known
   * @param file properties whose keys are setting names; where absent, PARLEY_CONFIG may name it
   * @throws ConfigurationException naming every problem at once
   */
  public static ServerConfig load(
      Map<String, String> flags, Map<String, String> environment, Optional<Path> file) {
    SettingSources sources = SettingSources.read(flags, environment, file);
    ServerConfig config =
        new ServerConfig(
            sources.take(Setting.LISTEN),
            sources.take(Setting.ADMIN),
            sources.take(Setting.HOME).toAbsolutePath().normalize(),
            sources.take(Setting.DEVICE),
            sources.take(Setting.PRECISION),
            sources.take(Setting.MODELS),
            sources.take(Setting.MAX_CONVERSATIONS),
            sources.take(Setting.MAX_QUEUED_TURNS),
            sources.take(Setting.KV_MEMORY),
            sources.take(Setting.SHARE_PREFIXES),
            sources.take(Setting.MAX_REPLIES),
            sources.take(Setting.STEP_TOKENS),
            sources.take(Setting.PROMPT_TOKENS),
            sources.take(Setting.SPECULATION),
            sources.take(Setting.TRAINING_CONCURRENCY),
            sources.take(Setting.TRAINER_MEMORY),
            sources.take(Setting.TRAINER_THREADS),
            sources.take(Setting.TRAINER_NICENESS),
            sources.take(Setting.DRAIN_TIME),
            sources.take(Setting.MAX_UPLOAD),
            sources.effective());
    sources.throwProblems();
    return config;
  }
}
