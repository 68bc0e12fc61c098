package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What conversations cost a step that have no row in it: counted, not timed. */
class IdleCostTest {
  private static final int CONTEXT = 96;

  /** Counts how often it is asked whether it takes more. */
  private static final class Asked extends Reader {
    final AtomicInteger asked = new AtomicInteger();

    @Override
    public boolean ready() {
      asked.incrementAndGet();
      return super.ready();
    }
  }

  private static Asked say(Conversation conversation, int seed, int newTokens, boolean ready) {
    Asked reader = new Asked();
    reader.ready = ready;
    conversation.submit(
        () ->
            new TurnRequest(
                new SplittableRandom(seed).ints(4, 0, TinyModel.END).toArray(),
                SamplingParameters.greedy(newTokens),
                TurnRequest.NEVER,
                TurnRequest.NEVER),
        reader);
    return reader;
  }

  @Test
  void step_besideParkedAndWaitingTurns_asksOnlyTheReadersOfItsRows() throws Exception {
    AtomicInteger steps = new AtomicInteger();
    EngineObserver observer =
        new EngineObserver() {
          @Override
          public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
            steps.incrementAndGet();
          }
        };
    try (ChatEngine engine =
        new ChatEngine(
            TinyModel.decoder(CONTEXT),
            new EngineLimits(64, 2, 4_000, 1_200, 2_000, 8),
            observer)) {
      for (int i = 0; i < 1_000; i++) {
        engine.open(() -> new int[] {1, 2, 3, TinyModel.END});
      }
      List<Asked> parked = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        parked.add(say(engine.open(() -> new int[0]), i, 4, false));
      }
      Settled.await(engine);
      assertThat(engine.state().parkedTurns()).isEqualTo(50);
      List<Asked> running = new ArrayList<>();
      for (int i = 0; i < 6; i++) { // two at a time
        running.add(say(engine.open(() -> new int[0]), 100 + i, 60, true));
      }
      for (Asked reader : running) {
        assertThat(reader.await().generatedTokens()).isEqualTo(60);
      }

      assertThat(steps).hasValueGreaterThan(150);
      assertThat(parked).allSatisfy(reader -> assertThat(reader.asked).hasValue(1));
      assertThat(running).allSatisfy(reader -> assertThat(reader.asked).hasValueLessThan(70));
      parked.forEach(reader -> reader.ready = true);
      engine.wake();
      for (Asked reader : parked) {
        assertThat(reader.await().generatedTokens()).isEqualTo(4);
      }
    }
  }

  @Test
  void schedule_besideAThousandIdleConversationsAndWaitingTurns_allocatesNoMore() {
    long alone = bytesPerStep(0, 0);

    assertThat(bytesPerStep(1_000, 1_000)).isLessThan(alone + alone / 10);
  }

  /** What a step of 32 rows allocates. */
  private static long bytesPerStep(int idle, int waiting) {
    Scheduler scheduler = ExactRoom.scheduler(new EngineLimits(64, 32, 1_000_000, 3_000, 3_000, 4));
    long id = 0;
    for (long other = 10_000; other < 10_000 + idle; other++) {
      scheduler.open(other);
      scheduler.enqueue(other, other, TurnRequest.NEVER, TurnRequest.NEVER);
      scheduler.ready(other, 9, 0);
      scheduler.apply(scheduler.schedule(0));
      scheduler.finish(other);
    }
    for (int i = 0; i < 32; i++) {
      begin(scheduler, ++id, TurnRequest.NEVER);
    }
    step(scheduler);
    for (int i = 0; i < waiting; i++) {
      begin(scheduler, ++id, Long.MAX_VALUE - 1);
    }
    assertThat(scheduler.state().cachedKvTokens()).isEqualTo(9 * idle);
    assertThat(scheduler.state().waitingTurns()).isEqualTo(waiting);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (int i = 0; i < 300; i++) {
      step(scheduler);
    }
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 300; i++) {
      step(scheduler);
    }
    return (threads.getCurrentThreadAllocatedBytes() - before) / 300;
  }

  private static void begin(Scheduler scheduler, long id, long deadline) {
    scheduler.open(id);
    scheduler.enqueue(id, id, TurnRequest.NEVER, deadline);
    scheduler.ready(id, 1, 0);
  }

  private static void step(Scheduler scheduler) {
    assertThat(scheduler.candidates()).hasSize(32);
    Plan plan = scheduler.schedule(0);
    scheduler.apply(plan);
    plan.grants().forEach(grant -> scheduler.extend(grant.turn()));
    assertThat(scheduler.state().runningTurns()).isEqualTo(32);
  }
}
