package dev.parley.server.engine;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** One decision of the scheduler while many conversations decode and others are idle. */
@State(Scope.Thread)
public class SchedulerBenchmark {
  private static final int PROMPT = 100;

  /** Replies under way. */
  @Param({"32", "256"})
  public int rows = 32;

  /** Silent conversations, each with a few cached tokens. */
  @Param({"0", "1000"})
  public int idle;

  private Scheduler scheduler = ExactRoom.scheduler(EngineLimits.of(1024));
  private long turns;

  /** Every prompt is read; the next steps decode. */
  @Setup(Level.Iteration)
  public void setUp() {
    scheduler =
        ExactRoom.scheduler(
            new EngineLimits(Math.max(512, 2 * rows), rows, Integer.MAX_VALUE, 2_000, 4_000, 16)
                .withoutSharing());
    turns = 0;
    for (int i = 0; i < idle; i++) {
      begin(i, 10);
      for (Plan.Grant grant : step().grants()) {
        scheduler.finish(grant.turn());
      }
    }
    for (int i = 0; i < rows; i++) {
      begin(idle + i, PROMPT);
    }
    for (int i = 0; i < rows; i++) { // more than enough steps for all prompts
      int unused = decode();
    }
  }

  private void begin(long conversation, int tokens) {
    scheduler.open(conversation);
    scheduler.enqueue(++turns, conversation, TurnRequest.NEVER, TurnRequest.NEVER);
    scheduler.ready(turns, tokens, 0);
  }

  private Plan step() {
    Plan plan = scheduler.schedule(0);
    scheduler.apply(plan);
    return plan;
  }

  /** A step: the plan, its books, and one more token for every reply; returns how many. */
  @Benchmark
  public int decode() {
    int sampled = 0;
    for (Plan.Grant grant : step().grants()) {
      if (grant.sample()) {
        sampled++;
        scheduler.extend(grant.turn());
      }
    }
    return sampled;
  }
}
