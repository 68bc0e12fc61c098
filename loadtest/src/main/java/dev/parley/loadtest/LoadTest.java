package dev.parley.loadtest;

import dev.parley.client.ParleyClient;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Drives a running server over gRPC and reports what its users would feel. Each point holds many
 * conversations at once, in a closed or in an open loop, each conversation one bidirectional stream
 * of several turns; see {@link LoadResult} for what is measured and from when on.
 */
public final class LoadTest {
  private static final Duration CONNECT = Duration.ofSeconds(10);

  private final LoadTestOptions options;
  private final ParleyClient client;
  private final ScheduledExecutorService clock;

  private LoadTest(LoadTestOptions options, ParleyClient client, ScheduledExecutorService clock) {
    this.options = options;
    this.client = client;
    this.clock = clock;
  }

  /**
   * Measures every point of the options and prints each as soon as it is known: a table, or one
   * JSON object per line.
   *
   * @throws dev.parley.client.UnavailableException if the server cannot be reached
   * @throws dev.parley.client.ModelNotFoundException if it does not serve the model
   */
  public static List<LoadResult> run(LoadTestOptions options, PrintStream out) {
    ScheduledExecutorService clock =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "loadtest-clock");
              thread.setDaemon(true);
              return thread;
            });
    try (ParleyClient client = ParleyClient.connect(options.target())) {
      client.awaitReady(options.patience().compareTo(CONNECT) < 0 ? options.patience() : CONNECT);
      client.chat(options.model()).generation(options.generation()).open().close();
      LoadTest test = new LoadTest(options, client, clock);
      List<LoadResult> results = new ArrayList<>();
      for (Load load : options.loads()) {
        results.add(test.point(load, results, out));
      }
      if (options.overload() > 0) {
        results.add(test.point(overload(options, results), results, out));
      }
      return results;
    } finally {
      clock.shutdownNow();
    }
  }

  /** What arrives at a multiple of the highest rate that was reached. */
  private static Load overload(LoadTestOptions options, List<LoadResult> results) {
    double turns = results.stream().mapToDouble(LoadResult::turnsPerSecond).max().orElse(0);
    if (turns == 0) {
      throw new IllegalStateException(
          "no turn was answered, so there is no rate to offer a multiple of");
    }
    return new Load.Open(options.overload() * turns / options.turns());
  }

  /** Measures and prints a point; the first one is what later ones are compared with. */
  private LoadResult point(Load load, List<LoadResult> before, PrintStream out) {
    Duration shortest = options.shortest();
    if (load instanceof Load.Closed && before.isEmpty() && !shortest.isZero()) {
      // Compilers on both sides share the processors with the model, and stretch its steps so long.
      var unused = measure(load, options.conversations(load), LoadTestOptions.OVERLOAD_WARM_UP);
    } else if (options.warmUp() > 0) {
      var unused = measure(new Load.Closed(options.warmUp()), options.warmUp(), Duration.ZERO);
    }
    LoadResult result = measure(load, options.conversations(load), shortest);
    LoadResult first = before.isEmpty() ? result : before.get(0);
    out.println(options.json() ? Report.json(result, first) : Report.table(options, result, first));
    out.flush();
    return result;
  }

  private LoadResult measure(Load load, int conversations, Duration shortest) {
    Point point = new Point(conversations, shortest);
    if (load instanceof Load.Open open) {
      point.arrive(open.perSecond());
    } else if (load instanceof Load.Closed closed) {
      for (int i = 0; i < Math.min(closed.conversations(), conversations); i++) {
        point.beginNext();
      }
    }
    return point.await(load);
  }

  /** One point while it runs. */
  private final class Point {
    private final Recorder recorder = new Recorder();
    private final SplittableRandom random = new SplittableRandom(options.seed());
    private final AtomicInteger begun = new AtomicInteger();
    private final AtomicInteger open = new AtomicInteger(1); // this point, until it has begun all
    private final CountDownLatch over = new CountDownLatch(1);
    private final int conversations;
    private final long shortest;
    private final long start = System.nanoTime();

    /**
     * @param conversations in all; more where they are over too soon
     * @param shortest how long others take the places of those that end, in a closed loop
     */
    Point(int conversations, Duration shortest) {
      this.conversations = conversations;
      this.shortest = shortest.toNanos();
    }

    /** Lets all conversations begin at random moments, independent of each other. */
    void arrive(double perSecond) {
      double seconds = 0;
      for (int number = 0; number < conversations; number++) {
        long due = start + (long) (seconds * 1e9);
        Talk talk = talk(number, due, () -> {});
        var unused =
            clock.schedule(() -> talk.begin(client), due - System.nanoTime(), TimeUnit.NANOSECONDS);
        seconds -= Math.log1p(-random.nextDouble()) / perSecond;
      }
    }

    /** Begins one more conversation now, and another one when that has ended. */
    void beginNext() {
      int number = begun.getAndIncrement();
      if (number < conversations || System.nanoTime() - start < shortest) {
        talk(number, System.nanoTime(), this::beginNext).begin(client);
      }
    }

    LoadResult await(Load load) {
      try {
        ended();
        over.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt(); // What was measured until now is still worth a report.
      }
      return recorder.result(load, System.nanoTime() - start);
    }

    private void ended() {
      if (open.decrementAndGet() == 0) {
        over.countDown();
      }
    }

    private synchronized Talk talk(int number, long due, Runnable then) {
      open.incrementAndGet();
      return new Talk(
          options,
          recorder,
          clock,
          random.split(),
          number,
          due,
          () -> {
            then.run(); // first: a point without a conversation is over
            ended();
          });
    }
  }
}
