package dev.parley.server.ops;

import dev.parley.model.gpt2.Precision;
import dev.parley.trainer.job.TrainerProcess;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * One setting of the server: a flag {@code --name}, a key {@code name} of a configuration file and
 * a variable {@code PARLEY_NAME}, all the same. Each default stands beside its reason.
 *
 * @param name lower-case words joined by '-'
 * @param defaultText the default, as a user would write it
 * @param description one line for the help text
 */
public record Setting<T>(
    String name, String defaultText, String description, SettingParser<T> parser) {

  /** Loopback only: there is no authentication, so other machines are let in on purpose. */
  static final Setting<HostPort> LISTEN =
      new Setting<>("listen", "127.0.0.1:50051", "address of the gRPC services", HostPort::parse);

  /** Loopback only, for the same reason. */
  static final Setting<HostPort> ADMIN =
      new Setting<>(
          "admin",
          "127.0.0.1:9090",
          "address of /metrics, /livez, /readyz and the dashboard",
          HostPort::parse);

  /** Beside the working directory, so that a first try writes nowhere else. */
  static final Setting<Path> HOME =
      new Setting<>("home", "./var", "directory of registry, jobs and datasets", Path::of);

  static final Setting<String> DEVICE =
      new Setting<>(
          "device", "auto", "auto (the first GPU, else the CPU), cpu or cuda:N", Setting::device);

  /** What {@code auto} is depends on the device, which is not looked for before a server starts. */
  static final Setting<String> PRECISION =
      new Setting<>(
          "precision",
          "auto",
          "of served models: auto, fp32, bf16, fp16, int12, int8 or int4",
          Setting::precision);

  /**
   * None: a registry may hold more models than memory does, and a first conversation that waits
   * some seconds is cheaper than a server that does not come up. Name those that must answer at
   * once.
   */
  static final Setting<List<String>> MODELS =
      new Setting<>(
          "models",
          "",
          "models to load at start, separated by commas; others load at their first conversation",
          Setting::names);

  /** A conversation without a turn under way costs a few kB: this bounds streams, not compute. */
  static final Setting<Integer> MAX_CONVERSATIONS =
      new Setting<>(
          "max-conversations",
          "256",
          "conversations that a model version holds at once; more get RESOURCE_EXHAUSTED",
          SettingParser.integer(1, 100_000));

  /** About what a small model on a few cores answers within a user's patience. */
  static final Setting<Integer> MAX_QUEUED_TURNS =
      new Setting<>(
          "max-queued-turns",
          "128",
          "turns of a model version under way or waiting, but for those of clients that do not read;"
              + " more get RESOURCE_EXHAUSTED with RetryInfo",
          SettingParser.integer(1, 100_000));

  /** Keys and values, not weights, are what grows with use: 345M in fp32 takes 192 KiB a token. */
  static final Setting<Long> KV_MEMORY =
      new Setting<>(
          "kv-memory",
          "2g",
          "memory for cached keys and values of a model version",
          SettingParser.bytes(1 << 20));

  /** It saves most of a prompt's time; what it gives away is in docs/decisions/006. */
  static final Setting<Boolean> SHARE_PREFIXES =
      new Setting<>(
          "share-prefixes",
          "on",
          "on: a turn takes over what other conversations have cached of its beginning; off",
          Setting::onOff);

  /**
   * The pace of a reply is that of a step, and a step takes longer with every reply in it. Whoever
   * waits keeps within max-queued-turns, and within the longest wait that his setup asks for.
   */
  static final Setting<Integer> MAX_REPLIES =
      new Setting<>(
          "max-replies",
          "0",
          "replies of a model version that go on at once, others wait; 0: 32 on a CPU, 128 on a GPU",
          SettingParser.integer(0, 65_535));

  /**
   * Long prompts are read in pieces of this size, so that running replies keep their pace. At least
   * 2: a reply's next token, and one of a prompt.
   */
  static final Setting<Integer> STEP_TOKENS =
      new Setting<>(
          "step-tokens",
          "512",
          "tokens that one step of the model reads at most",
          SettingParser.integer(2, 65_536));

  /**
   * What keeps the pace of replies while turns arrive faster than they are answered: the reasons
   * for the numbers stand in {@code EngineLimits}.
   */
  static final Setting<Integer> PROMPT_TOKENS =
      new Setting<>(
          "prompt-tokens",
          "0",
          "of them, tokens of prompts while replies go on; 0: 32 on a CPU, step-tokens on a GPU",
          SettingParser.integer(0, 65_536));

  /** Replies are the same with it; where guesses do not come true, it stops making them. */
  static final Setting<Boolean> SPECULATION =
      new Setting<>(
          "speculation",
          "auto",
          "auto (guess tokens from the conversation's own text while few replies run) or off",
          Setting::autoOrOff);

  /** Two jobs on one machine take more than twice as long each: they share its memory bandwidth. */
  static final Setting<Integer> TRAINING_CONCURRENCY =
      new Setting<>(
          "training-concurrency",
          "1",
          "training jobs that run at once; others wait in order",
          SettingParser.integer(1, 64));

  /** The heap alone: weights, moments and activations are native memory. */
  static final Setting<Long> TRAINER_MEMORY =
      new Setting<>(
          "trainer-memory",
          "2g",
          "Java heap of a trainer process, for its data",
          SettingParser.bytes(64 << 20));

  /** Chats keep the other half. */
  static final Setting<Integer> TRAINER_THREADS =
      new Setting<>(
          "trainer-threads",
          "0",
          "threads of a trainer process; 0: half of the processors, rounded up",
          SettingParser.integer(0, 1_024));

  /** A chat's thread then gets about nine times the share of a trainer's where both want a core. */
  static final Setting<Integer> TRAINER_NICENESS =
      new Setting<>(
          "trainer-niceness",
          Integer.toString(TrainerProcess.Resources.DEFAULT_NICENESS),
          "how far a trainer process stands back for chats, as nice(1): 0 not at all, 19 most",
          SettingParser.integer(0, 19));

  /** Longer than nearly every reply, and within the grace that Kubernetes gives by default. */
  static final Setting<Duration> DRAIN_TIME =
      new Setting<>(
          "drain-time",
          "30s",
          "how long a stopping server lets conversations finish",
          SettingParser::duration);

  static final Setting<Long> MAX_UPLOAD =
      new Setting<>(
          "max-upload", "1g", "the largest dataset that can be uploaded", SettingParser.bytes(1));

  /** Every setting, in the order in which the help text shows them. */
  public static List<Setting<?>> all() {
    return List.of(
        LISTEN,
        ADMIN,
        HOME,
        DEVICE,
        PRECISION,
        MODELS,
        MAX_CONVERSATIONS,
        MAX_QUEUED_TURNS,
        KV_MEMORY,
        SHARE_PREFIXES,
        MAX_REPLIES,
        STEP_TOKENS,
        PROMPT_TOKENS,
        SPECULATION,
        TRAINING_CONCURRENCY,
        TRAINER_MEMORY,
        TRAINER_THREADS,
        TRAINER_NICENESS,
        DRAIN_TIME,
        MAX_UPLOAD);
  }

  /** The name of its environment variable. */
  public String variable() {
    return "PARLEY_" + name.toUpperCase(Locale.ROOT).replace('-', '_');
  }

  private static String device(String text) {
    String name = text.toLowerCase(Locale.ROOT);
    if (!name.matches("auto|cpu|cuda(:\\d{1,3})?")) {
      throw new IllegalArgumentException("must be auto, cpu or cuda:N");
    }
    return name;
  }

  private static boolean onOff(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "on", "true" -> true;
      case "off", "false" -> false;
      default -> throw new IllegalArgumentException("must be on or off");
    };
  }

  private static boolean autoOrOff(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "auto" -> true;
      case "off" -> false;
      default -> throw new IllegalArgumentException("must be auto or off");
    };
  }

  private static String precision(String name) {
    Precision.requireName(name);
    return name;
  }

  private static List<String> names(String text) {
    return Arrays.stream(text.split(",")).map(String::strip).filter(s -> !s.isEmpty()).toList();
  }
}
