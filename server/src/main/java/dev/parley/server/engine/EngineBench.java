package dev.parley.server.engine;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Gpt2Weights;
import dev.parley.model.gpt2.Precision;
import dev.parley.model.torch.Torch;
import dev.parley.server.rpc.RpcException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * How fast a shape decodes and prefills in a precision, on random weights: the real scheduler,
 * engine thread and sampling, without text and without a network. Not thread-safe.
 */
public final class EngineBench implements AutoCloseable {
  private static final long SEED = 1;
  private static final int WARM_UP_TOKENS = 4;

  private final String shape;
  private final String device;
  private final Precision precision;
  private final NDManager scope;
  private final Gpt2Decoder decoder;

  /**
   * A measured point.
   *
   * @param bench {@code decode} or {@code prefill}
   * @param streams conversations at once
   * @param context tokens of each prompt
   * @param newTokens tokens of each reply
   * @param tokensPerSecond of all streams together: replies' tokens for {@code decode}, prompts'
   *     for {@code prefill}
   * @param millisecondsPerStep from one step to the next, sampling and scheduling included
   */
  public record Point(
      String bench,
      String shape,
      String precision,
      String device,
      int streams,
      int context,
      int newTokens,
      double tokensPerSecond,
      double millisecondsPerStep) {}

  /** When a step ended, and what it was. */
  private record Step(long end, int rows, int promptTokens) {}

  private EngineBench(
      String shape, Device device, Precision precision, NDManager scope, Gpt2Decoder decoder) {
    this.shape = shape;
    this.device = Torch.name(device);
    this.precision = precision;
    this.scope = scope;
    this.decoder = decoder;
  }

  /**
   * Makes random weights; the caller closes it.
   *
   * @param shape as {@link Gpt2Config#shape} names it
   */
  public static EngineBench of(String shape, Precision precision, Device device) {
    NDManager scope = Torch.newScope(device);
    try {
      Gpt2Weights weights = Gpt2Weights.random(Gpt2Config.shape(shape), SEED, scope);
      return new EngineBench(shape, device, precision, scope, Gpt2Decoder.load(weights, precision));
    } catch (RuntimeException e) {
      scope.close();
      throw e;
    }
  }

  /**
   * Replies of {@code streams} conversations at once; steps that read prompts do not count.
   *
   * @throws IllegalArgumentException if context and new tokens exceed the model's context
   */
  public Point decode(int streams, int context, int newTokens) throws InterruptedException {
    check(streams, context, newTokens);
    run(streams, context, WARM_UP_TOKENS);
    List<Step> steps = run(streams, context, newTokens);
    long nanos = 0;
    int counted = 0;
    for (int i = 1; i < steps.size(); i++) {
      if (steps.get(i).promptTokens() == 0 && steps.get(i).rows() == streams) {
        nanos += steps.get(i).end() - steps.get(i - 1).end();
        counted++;
      }
    }
    if (counted == 0) {
      throw new IllegalStateException("no step decoded %d streams at once".formatted(streams));
    }
    return point("decode", streams, context, newTokens, (long) streams * counted, nanos, counted);
  }

  /** Prompts of {@code streams} conversations at once, up to the first token of each reply. */
  public Point prefill(int streams, int context) throws InterruptedException {
    check(streams, context, 1);
    run(streams, context, 1);
    long begin = System.nanoTime();
    List<Step> steps = run(streams, context, 1);
    long nanos = steps.get(steps.size() - 1).end() - begin;
    return point("prefill", streams, context, 1, (long) streams * context, nanos, steps.size());
  }

  private Point point(
      String bench, int streams, int context, int newTokens, long tokens, long nanos, int steps) {
    return new Point(
        bench,
        shape,
        precision.toString(),
        device,
        streams,
        context,
        newTokens,
        tokens * 1e9 / nanos,
        nanos / 1e6 / steps);
  }

  private void check(int streams, int context, int newTokens) {
    int limit = decoder.config().contextLength();
    if (streams < 1 || context < 2 || newTokens < 1 || context + newTokens > limit) {
      throw new IllegalArgumentException(
          "%d streams with a context of %d and %d new tokens: there must be at least 1 stream, 2 and 1, and both together at most the model's context of %d"
              .formatted(streams, context, newTokens, limit));
    }
  }

  private List<Step> run(int streams, int context, int newTokens) throws InterruptedException {
    List<Step> steps = new ArrayList<>();
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
            steps.add(new Step(System.nanoTime(), rows, promptTokens));
          }
        };
    int rows = Math.max(streams, 1);
    EngineLimits usual = EngineLimits.of(decoder.config().contextLength());
    EngineLimits limits =
        new EngineLimits(
            Math.max(usual.stepTokens(), rows + 1),
            rows,
            Math.addExact(streams * (context + newTokens), decoder.config().contextLength()),
            streams,
            streams,
            1);
    SplittableRandom random = new SplittableRandom(SEED);
    int endOfText = decoder.config().endOfText();
    Gate gate = new Gate(streams);
    try (ChatEngine engine =
        ChatEngine.over(decoder, limits, observer)) { // the decoder stays for the next run
      for (int i = 0; i < streams; i++) {
        int[] message = random.ints(context - 1, 0, endOfText).toArray();
        TurnRequest request =
            new TurnRequest(message, toTheEnd(newTokens), TurnRequest.NEVER, TurnRequest.NEVER);
        engine.open(() -> new int[0]).submit(() -> request, gate);
      }
      gate.open = true; // all start in the same step
      engine.wake();
      gate.ended.await();
    }
    RpcException error = gate.error.get();
    if (error != null) {
      throw error;
    }
    return steps;
  }

  /** Greedy, with no end before. */
  private static SamplingParameters toTheEnd(int newTokens) {
    return new SamplingParameters(
        newTokens, newTokens, false, 1, 0, 1, 0, 1, 1, 0, 0, 0, Map.of(), List.of(), 0);
  }

  /** Reads nothing until it is open, then everything. */
  private static final class Gate implements TurnSink {
    private final CountDownLatch ended;
    private final AtomicReference<@Nullable RpcException> error = new AtomicReference<>();
    private volatile boolean open;

    Gate(int turns) {
      this.ended = new CountDownLatch(turns);
    }

    @Override
    public boolean ready() {
      return open;
    }

    @Override
    public @Nullable Stop token(int token) {
      return null;
    }

    @Override
    public void finished(TurnOutcome outcome) {
      ended.countDown();
    }

    @Override
    public void failed(RpcException failure) {
      error.compareAndSet(null, failure);
      ended.countDown();
    }
  }

  @Override
  public void close() {
    decoder.close();
    scope.close();
  }
}
