package dev.parley.loadtest;

import dev.parley.client.GenerationOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a load test does.
 *
 * @param target {@code host:port}
 * @param model {@code name}, {@code name@version} or {@code name@alias}
 * @param loads the points to measure, one after the other
 * @param conversations how many conversations a point has in all; 0: a closed loop holds each of
 *     its places once, or for 30 s where an overload follows, an open one lasts 30 s
 * @param turns in each conversation
 * @param thinkTime between a reply and the next message
 * @param messages what is said, in turn
 * @param generation how replies are chosen
 * @param interruptShare the share of replies that is interrupted after its first piece, in [0, 1]
 * @param cancelShare the share of conversations that are cancelled after the first piece of a
 *     reply, in [0, 1]
 * @param slowShare the share of conversations that read slowly, in [0, 1]; their times are not
 *     among those that are measured
 * @param readPause of a slow one, before it takes the next piece
 * @param overload after the other points, conversations arrive at this multiple of the highest rate
 *     that one of them reached; 0: they do not
 * @param warmUp conversations before each point that are not measured
 * @param patience a reply whose next piece takes longer is an error
 * @param seed of arrivals and interrupts
 * @param json one JSON object per point in place of a table
 */
public record LoadTestOptions(
    String target,
    String model,
    List<Load> loads,
    int conversations,
    int turns,
    Duration thinkTime,
    List<String> messages,
    GenerationOptions generation,
    double interruptShare,
    double cancelShare,
    double slowShare,
    Duration readPause,
    double overload,
    int warmUp,
    Duration patience,
    long seed,
    boolean json) {
  /** Replies of 24 tokens: about what people write. */
  public static final GenerationOptions GENERATION =
      GenerationOptions.builder().maxNewTokens(24).build();

  /** An open loop without a number of conversations lasts this long. */
  static final Duration OPEN_LOOP = Duration.ofSeconds(30);

  /** Before the first point of a test of overload: about what it takes until all is compiled. */
  static final Duration OVERLOAD_WARM_UP = Duration.ofSeconds(15);

  private static final List<String> MESSAGES =
      List.of(
          "Hello! How are you?",
          "What are you doing today?",
          "That sounds nice. Tell me more about it.",
          "Do you like music?",
          "What did you have for breakfast?",
          "I went to the sea last weekend, it was windy.",
          "Why do you think so?",
          "Can you recommend something to read?",
          "I am not sure that I agree.",
          "Thank you, that helped. Good night!");

  public LoadTestOptions {
    loads = List.copyOf(loads);
    messages = List.copyOf(messages);
    atLeast("loads", loads.size(), 1);
    atLeast("messages", messages.size(), 1);
    atLeast("conversations", conversations, 0);
    atLeast("turns", turns, 1);
    atLeast("warmUp", warmUp, 0);
    share("interruptShare", interruptShare);
    share("cancelShare", cancelShare);
    share("slowShare", slowShare);
    if (!(overload >= 0) || Double.isInfinite(overload)) {
      throw new IllegalArgumentException(
          "overload is " + overload + "; it must be a multiple of what the server can do, or 0");
    }
    if (readPause.isNegative()) {
      throw new IllegalArgumentException("readPause is " + readPause + "; it must not be negative");
    }
    if (thinkTime.isNegative()) {
      throw new IllegalArgumentException("thinkTime is " + thinkTime + "; it must not be negative");
    }
    if (patience.isNegative() || patience.isZero()) {
      throw new IllegalArgumentException("patience is " + patience + "; it must be above 0");
    }
  }

  /** Four conversations at once of three turns each, without a pause, replies of 24 tokens. */
  public static Builder builder(String target, String model) {
    return new Builder(target, model);
  }

  /** How many conversations a point has. */
  int conversations(Load load) {
    if (conversations > 0) {
      return conversations;
    }
    if (load instanceof Load.Open open) {
      return (int) Math.max(1, Math.ceil(open.perSecond() * OPEN_LOOP.toSeconds()));
    }
    return load instanceof Load.Closed closed ? closed.conversations() : 1;
  }

  /**
   * How long a closed loop goes on at least: as long as the open one that is compared with it,
   * where one is and nobody says how many conversations there are.
   */
  Duration shortest() {
    return overload > 0 && conversations == 0 ? OPEN_LOOP : Duration.ZERO;
  }

  private static void share(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new IllegalArgumentException(name + " is " + value + "; it must be in [0, 1]");
    }
  }

  private static void atLeast(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " is " + value + "; it must be at least " + least);
    }
  }

  /** Collects options. Not thread-safe. */
  public static final class Builder {
    private final String target;
    private final String model;
    private List<Load> loads = List.of(new Load.Closed(4));
    private int conversations;
    private int turns = 3;
    private Duration thinkTime = Duration.ZERO;
    private List<String> messages = MESSAGES;
    private GenerationOptions generation = GENERATION;
    private double interruptShare;
    private double cancelShare;
    private double slowShare;
    private Duration readPause = Duration.ofSeconds(1);
    private double overload;
    private int warmUp = 1;
    private Duration patience = Duration.ofMinutes(2);
    private long seed = 1;
    private boolean json;

    private Builder(String target, String model) {
      this.target = target;
      this.model = model;
    }

    /** The points to measure, one after the other. */
    public Builder loads(List<Load> loads) {
      this.loads = loads;
      return this;
    }

    /** How many conversations a point has in all. */
    public Builder conversations(int count) {
      conversations = count;
      return this;
    }

    /** Turns in each conversation. */
    public Builder turns(int count) {
      turns = count;
      return this;
    }

    /** Between a reply and the next message. */
    public Builder thinkTime(Duration time) {
      thinkTime = time;
      return this;
    }

    /** What is said, in turn. */
    public Builder messages(List<String> messages) {
      this.messages = messages;
      return this;
    }

    /** What is said: the lines of a UTF-8 file that are not blank. */
    public Builder messages(Path file) throws IOException {
      return messages(Files.readAllLines(file).stream().filter(line -> !line.isBlank()).toList());
    }

    /** How replies are chosen. */
    public Builder generation(GenerationOptions options) {
      generation = options;
      return this;
    }

    /** The share of replies that is interrupted after its first piece. */
    public Builder interruptShare(double share) {
      interruptShare = share;
      return this;
    }

    /** The share of conversations that are cancelled after the first piece of a reply. */
    public Builder cancelShare(double share) {
      cancelShare = share;
      return this;
    }

    /** The share of conversations that read slowly, and how long they wait before each piece. */
    public Builder slowReaders(double share, Duration pause) {
      slowShare = share;
      readPause = pause;
      return this;
    }

    /** After the other points, conversations arrive at this multiple of what the server can do. */
    public Builder overload(double factor) {
      overload = factor;
      return this;
    }

    /** Conversations before each point that are not measured. */
    public Builder warmUp(int conversations) {
      warmUp = conversations;
      return this;
    }

    /** A reply whose next piece takes longer is an error. */
    public Builder patience(Duration limit) {
      patience = limit;
      return this;
    }

    /** Of arrivals and interrupts. */
    public Builder seed(long seed) {
      this.seed = seed;
      return this;
    }

    /** One JSON object per point in place of a table. */
    public Builder json(boolean json) {
      this.json = json;
      return this;
    }

    /** The options; wrong ones are an IllegalArgumentException. */
    public LoadTestOptions build() {
      return new LoadTestOptions(
          target,
          model,
          loads,
          conversations,
          turns,
          thinkTime,
          messages,
          generation,
          interruptShare,
          cancelShare,
          slowShare,
          readPause,
          overload,
          warmUp,
          patience,
          seed,
          json);
    }
  }
}
