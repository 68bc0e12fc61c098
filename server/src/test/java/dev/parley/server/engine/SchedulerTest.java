package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.groups.Tuple.tuple;

import dev.parley.server.engine.EngineObserver.EvictionReason;
import dev.parley.server.engine.Plan.Drop;
import dev.parley.server.engine.Plan.Grant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  private static final long NEVER = TurnRequest.NEVER;

  private static EngineLimits limits(int tokens, int rows, int capacity) {
    return limits(tokens, rows, capacity, 0);
  }

  private static EngineLimits limits(int tokens, int rows, int capacity, int guessing) {
    return new EngineLimits(tokens, rows, capacity, 100, 100, 100).withGuessingTokens(guessing);
  }

  private static void turn(Scheduler scheduler, long id, int tokens) {
    scheduler.open(id);
    scheduler.enqueue(id, id, NEVER, NEVER);
    scheduler.ready(id, tokens, 0);
  }

  /** Makes a step in which every reply goes on. */
  private static Plan step(Scheduler scheduler) {
    Plan plan = scheduler.schedule(0);
    scheduler.apply(plan);
    plan.grants().stream().filter(Grant::sample).forEach(grant -> scheduler.extend(grant.turn()));
    return plan;
  }

  @Test
  void schedule_promptLongerThanTheBudget_isReadInChunks() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 4, 1000));
    turn(scheduler, 1, 250);

    assertThat(step(scheduler).grants()).containsExactly(new Grant(1, 1, 0, 100, false));
    assertThat(step(scheduler).grants()).containsExactly(new Grant(1, 1, 100, 100, false));
    assertThat(step(scheduler).grants()).containsExactly(new Grant(1, 1, 200, 50, true));
    assertThat(step(scheduler).grants()).containsExactly(new Grant(1, 1, 250, 1, true));
  }

  @Test
  void schedule_longPromptBesideReplies_repliesGoOnEveryStep() {
    Scheduler scheduler = ExactRoom.scheduler(limits(64, 4, 2000));
    turn(scheduler, 1, 1);
    turn(scheduler, 2, 1);
    step(scheduler);
    turn(scheduler, 3, 1000);

    for (int i = 0; i < 16; i++) {
      assertThat(step(scheduler).grants())
          .extracting(Grant::turn, Grant::tokens)
          .startsWith(tuple(1L, 1), tuple(2L, 1), tuple(3L, 62));
    }
  }

  @Test
  void schedule_shortPromptBehindLongOne_isNotHeldUp() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 4, 4000));
    turn(scheduler, 1, 1000);
    turn(scheduler, 2, 20);

    assertThat(step(scheduler).grants())
        .containsExactly(new Grant(1, 1, 0, 80, false), new Grant(2, 2, 0, 20, true));
  }

  private static EngineLimits pace(int rows, int promptTokens) {
    return new EngineLimits(512, rows, 10_000, 100, 100, 100).withPromptTokens(promptTokens);
  }

  @Test
  void schedule_longPromptBesideReplies_isReadInPiecesThatKeepTheirPace() {
    Scheduler scheduler = ExactRoom.scheduler(pace(4, 32));
    turn(scheduler, 1, 400);

    assertThat(step(scheduler).grants())
        .as("nobody waits for it")
        .containsExactly(new Grant(1, 1, 0, 400, true));
    turn(scheduler, 2, 100);
    for (int read = 0; read < 96; read += 32) {
      assertThat(step(scheduler).grants())
          .extracting(Grant::turn, Grant::tokens)
          .containsExactly(tuple(1L, 1), tuple(2L, 32));
    }
    assertThat(step(scheduler).grants())
        .extracting(Grant::turn, Grant::tokens)
        .containsExactly(tuple(1L, 1), tuple(2L, 4));
  }

  @Test
  void schedule_manyPromptsBesideReplies_areBegunNoFasterThanTheyAreRead() {
    Scheduler scheduler = ExactRoom.scheduler(pace(32, 32));
    turn(scheduler, 1, 1);
    step(scheduler);
    for (int id = 2; id <= 11; id++) {
      turn(scheduler, id, 10);
    }

    for (int first = 2; first <= 11; first += 3) {
      Plan plan = step(scheduler);
      assertThat(plan.grants())
          .filteredOn(grant -> grant.tokens() > 1)
          .allMatch(Grant::sample)
          .extracting(Grant::turn)
          .first()
          .isEqualTo((long) first);
      assertThat(plan.grants().stream().mapToInt(Grant::tokens).filter(read -> read > 1).sum())
          .isLessThanOrEqualTo(32);
    }
    assertThat(scheduler.state().waitingTurns()).isZero();
  }

  @Test
  void schedule_longPromptsBesideReplies_shortOneBehindTwoIsReadBesideThem() {
    Scheduler scheduler = ExactRoom.scheduler(pace(32, 48));
    turn(scheduler, 1, 1);
    step(scheduler);
    turn(scheduler, 2, 1_000);
    turn(scheduler, 3, 1_000);
    turn(scheduler, 4, 10);

    assertThat(step(scheduler).grants())
        .extracting(Grant::turn, Grant::tokens)
        .containsExactly(tuple(1L, 1), tuple(2L, 22), tuple(3L, 16), tuple(4L, 10));
  }

  @Test
  void schedule_fourTimesTheRows_noReplyMissesAStepAndNoStepHasMoreRows() {
    Scheduler scheduler = ExactRoom.scheduler(pace(8, 16));
    for (int id = 1; id <= 32; id++) {
      turn(scheduler, id, 5 + id);
    }
    Map<Long, Integer> said = new HashMap<>();
    Map<Long, Integer> last = new HashMap<>();
    for (int number = 1;
        scheduler.state().waitingTurns() + scheduler.state().runningTurns() > 0; ) {
      Plan plan = step(scheduler);
      assertThat(plan.grants()).hasSizeBetween(1, 8);
      for (Grant grant : plan.grants()) {
        if (grant.sample()) {
          int before = last.getOrDefault(grant.turn(), number - 1);
          assertThat(number - before).as("steps between tokens of %d", grant.turn()).isEqualTo(1);
          last.put(grant.turn(), number);
          if (said.merge(grant.turn(), 1, Integer::sum) == 24) {
            scheduler.finish(grant.turn());
          }
        }
      }
      number++;
    }
    assertThat(said).hasSize(32).allSatisfy((turn, tokens) -> assertThat(tokens).isEqualTo(24));
  }

  @Test
  void schedule_turnWaitedTooLong_expiresWithoutAStep() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 4, 1000));
    scheduler.open(1);
    scheduler.enqueue(1, 1, 50, NEVER);
    scheduler.ready(1, 10, 0);

    Plan plan = scheduler.schedule(50);

    assertThat(plan.expired()).containsExactly(1L);
    assertThat(plan.grants()).isEmpty();
    assertThat(scheduler.state().waitingTurns()).isZero();
  }

  @Test
  void schedule_turnsOfOneConversationExpireTogether_theLatestComesFirst() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 4, 1000));
    scheduler.open(1);
    scheduler.enqueue(1, 1, NEVER, 50);
    scheduler.ready(1, 10, 0);
    scheduler.enqueue(2, 1, 50, NEVER);
    scheduler.enqueue(3, 1, 50, NEVER);

    assertThat(scheduler.schedule(50).expired()).containsExactly(3L, 2L, 1L);
  }

  @Test
  void schedule_deadlineInTheMiddleOfAReply_isOverdueAndItsCacheStays() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 4, 1000));
    scheduler.open(1);
    scheduler.enqueue(1, 1, 50, 80);
    scheduler.ready(1, 10, 0);
    step(scheduler);

    assertThat(scheduler.schedule(60).overdue()).as("startBy is of no matter now").isEmpty();
    Plan plan = scheduler.schedule(80);

    assertThat(plan.overdue()).containsExactly(1L);
    assertThat(plan.grants()).isEmpty();
    assertThat(scheduler.state().activeKvTokens()).isZero();
    assertThat(scheduler.state().cachedKvTokens()).isEqualTo(10);
  }

  @Test
  void schedule_nextDeadline_isTheEarliest() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 1, 1000));
    turn(scheduler, 1, 10);
    scheduler.open(2);
    scheduler.enqueue(2, 2, 70, 90);
    scheduler.enqueue(3, 2, NEVER, 80);

    assertThat(scheduler.schedule(0).nextDeadline()).isEqualTo(70);
  }

  @Test
  void schedule_memoryIsShort_theLongestIdleCacheGoesFirst() {
    Scheduler scheduler = ExactRoom.scheduler(limits(200, 4, 300));
    turn(scheduler, 1, 100);
    scheduler.apply(scheduler.schedule(0));
    scheduler.finish(1);
    turn(scheduler, 2, 100);
    scheduler.apply(scheduler.schedule(0));
    scheduler.finish(2);
    turn(scheduler, 3, 150);

    Plan plan = scheduler.schedule(0);

    assertThat(plan.dropped()).containsExactly(new Drop(1, 100, EvictionReason.IDLE));
    assertThat(plan.grants()).containsExactly(new Grant(3, 3, 0, 150, true));
  }

  @Test
  void schedule_replyOutgrowsTheMemory_theLatestTurnIsReadAgainLater() {
    Scheduler scheduler = ExactRoom.scheduler(limits(400, 4, 300));
    turn(scheduler, 1, 100);
    turn(scheduler, 2, 100);
    step(scheduler);
    int steps = 0;
    Plan plan = step(scheduler);
    while (plan.dropped().isEmpty() && ++steps < 200) {
      plan = step(scheduler);
    }

    assertThat(plan.dropped()).containsExactly(new Drop(2, 150, EvictionReason.PREEMPTED));
    assertThat(plan.grants()).extracting(Grant::turn).containsExactly(1L);
    scheduler.finish(1);
    assertThat(step(scheduler).grants()).containsExactly(new Grant(2, 2, 0, 151, true));
  }

  @Test
  void schedule_memoryIsShort_parkedTurnsGoBeforeRunningOnes() {
    Scheduler scheduler = ExactRoom.scheduler(limits(400, 4, 300));
    turn(scheduler, 1, 100);
    turn(scheduler, 2, 100);
    step(scheduler);
    scheduler.park(1, true);
    turn(scheduler, 3, 150);

    Plan plan = scheduler.schedule(0);

    assertThat(plan.dropped()).containsExactly(new Drop(1, 100, EvictionReason.PREEMPTED));
    assertThat(plan.grants()).extracting(Grant::turn).containsExactly(2L, 3L);
  }

  @Test
  void schedule_promptThatDoesNotFitYet_isNotOvertakenAndEvictsNothing() {
    Scheduler scheduler = ExactRoom.scheduler(limits(400, 4, 300));
    turn(scheduler, 1, 50);
    scheduler.apply(scheduler.schedule(0));
    scheduler.finish(1);
    turn(scheduler, 2, 150);
    step(scheduler);
    turn(scheduler, 3, 250);
    turn(scheduler, 4, 10);

    Plan plan = scheduler.schedule(0);

    assertThat(plan.grants()).extracting(Grant::turn).containsExactly(2L);
    assertThat(plan.dropped()).isEmpty();
  }

  @Test
  void schedule_moreRepliesThanRows_takeTurns() {
    Scheduler scheduler = ExactRoom.scheduler(limits(10, 2, 300));
    for (int id = 1; id <= 3; id++) {
      turn(scheduler, id, 1);
      if (id < 3) {
        step(scheduler);
      }
    }
    scheduler.park(1, true);
    step(scheduler); // 2 and 3
    scheduler.park(1, false);

    assertThat(step(scheduler).grants()).extracting(Grant::turn).containsExactly(1L, 3L);
    assertThat(step(scheduler).grants()).extracting(Grant::turn).containsExactly(1L, 2L);
    assertThat(step(scheduler).grants()).extracting(Grant::turn).containsExactly(2L, 3L);
  }

  @Test
  void schedule_moreRepliesThanRows_eachHasAsMany() {
    Scheduler scheduler = ExactRoom.scheduler(limits(20, 8, 1_000));
    for (int id = 1; id <= 11; id++) {
      turn(scheduler, id, 1);
      scheduler.park(id, true);
    }
    for (int first = 1; first <= 11; first += 6) { // nobody but them may start
      for (int id = first; id < Math.min(first + 6, 12); id++) {
        scheduler.park(id, false);
      }
      step(scheduler);
      for (int id = first; id < Math.min(first + 6, 12); id++) {
        scheduler.park(id, true);
      }
    }
    for (int id = 1; id <= 11; id++) {
      scheduler.park(id, false);
    }

    Map<Long, Integer> read = new HashMap<>();
    for (int i = 0; i < 44; i++) {
      step(scheduler).grants().forEach(grant -> read.merge(grant.turn(), 1, Integer::sum));
    }
    assertThat(read).hasSize(11);
    assertThat(read.values())
        .as("8 rows, 44 times")
        .allSatisfy(rows -> assertThat(rows).isBetween(31, 33));
  }

  @Test
  void schedule_candidatesOfOneTurn_leaveEveryOtherTurnItsRow() {
    Scheduler scheduler = ExactRoom.scheduler(limits(64, 8, 10_000));
    for (int id = 1; id <= 4; id++) {
      turn(scheduler, id, 1);
    }
    step(scheduler);
    List<Long> candidates = LongStream.range(100, 116).boxed().toList();
    scheduler.fork(1, candidates);
    candidates.forEach(scheduler::extend);

    Map<Long, Integer> read = new HashMap<>();
    for (int i = 0; i < 40; i++) {
      Plan plan = step(scheduler);
      assertThat(plan.grants()).hasSize(8).extracting(Grant::turn).contains(2L, 3L, 4L);
      plan.grants().forEach(grant -> read.merge(grant.turn(), 1, Integer::sum));
    }
    assertThat(candidates)
        .as("5 rows for 17, 40 times")
        .allSatisfy(id -> assertThat(read.get(id)).isBetween(11, 13));

    turn(scheduler, 200, 1);
    assertThat(step(scheduler).grants())
        .as("a turn that arrives does not wait for candidates to end")
        .hasSize(8)
        .extracting(Grant::turn)
        .contains(2L, 3L, 4L, 200L);
    for (int id = 201; id <= 206; id++) {
      turn(scheduler, id, 1);
    }
    read.clear();
    for (int i = 0; i < 40; i++) {
      step(scheduler).grants().forEach(grant -> read.merge(grant.turn(), 1, Integer::sum));
    }
    int ofTheFirst = candidates.stream().mapToInt(id -> read.getOrDefault(id, 0)).sum();
    assertThat(ofTheFirst + read.getOrDefault(1L, 0))
        .as("one a step, as any other turn, and what was left while three others started")
        .isBetween(40, 43);
  }

  @Test
  void schedule_parkedTurn_getsNothing() {
    Scheduler scheduler = ExactRoom.scheduler(limits(10, 2, 300));
    turn(scheduler, 1, 5);
    scheduler.park(1, true);

    assertThat(scheduler.schedule(0).grants()).isEmpty();
    assertThat(scheduler.state().parkedTurns()).isEqualTo(1);
  }

  @Test
  void ledger_beyondItsCapacity_refuses() {
    KvLedger ledger = new KvLedger(10);
    ledger.set(1, 6);

    assertThatThrownBy(() -> ledger.set(2, 5))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("conversation 2 cannot reserve 5 tokens: 6 of 10 are taken");
    assertThat(ledger.total()).isEqualTo(6);
  }

  private static void decoding(Scheduler scheduler, int turns) {
    for (int id = 1; id <= turns; id++) {
      turn(scheduler, id, 10);
    }
    step(scheduler);
  }

  @Test
  void schedule_fewReplies_guessesUpToTheLimitInEqualShares() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 8, 1000, 6));
    decoding(scheduler, 3);

    assertThat(scheduler.schedule(0).grants())
        .containsExactly(
            new Grant(1, 1, 10, 1, true, 1),
            new Grant(2, 2, 10, 1, true, 1),
            new Grant(3, 3, 10, 1, true, 1));
    assertThat(scheduler.state().activeKvTokens()).isEqualTo(3 * 12);
  }

  @Test
  void schedule_manyRepliesOrAPrompt_noGuesses() {
    Scheduler many = ExactRoom.scheduler(limits(100, 8, 1000, 4));
    decoding(many, 4);
    assertThat(many.schedule(0).grants()).hasSize(4).allMatch(grant -> grant.guesses() == 0);

    Scheduler prompt = ExactRoom.scheduler(limits(100, 8, 1000, 8));
    decoding(prompt, 1);
    turn(prompt, 9, 50);
    assertThat(prompt.schedule(0).grants()).hasSize(2).allMatch(grant -> grant.guesses() == 0);
  }

  @Test
  void schedule_noRoom_guessesDropNobody() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 8, 22, 8));
    turn(scheduler, 1, 9);
    step(scheduler);
    scheduler.finish(1); // idle, evictable
    turn(scheduler, 2, 10);
    step(scheduler);

    Plan plan = scheduler.schedule(0);

    assertThat(plan.dropped()).isEmpty();
    assertThat(plan.grants()).containsExactly(new Grant(2, 2, 10, 1, true, 2));
    assertThat(scheduler.state().activeKvTokens()).isEqualTo(13);
    assertThat(scheduler.state().cachedKvTokens()).isEqualTo(9);
  }

  @Test
  void accept_someGuessesRight_readsOnBehindThem() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 8, 1000, 8));
    decoding(scheduler, 1);
    assertThat(step(scheduler).grants()).containsExactly(new Grant(1, 1, 10, 1, true, 3));
    scheduler.accept(1);
    scheduler.extend(1);
    scheduler.checked(1, 3, 1);

    assertThat(step(scheduler).grants().get(0)).isEqualTo(new Grant(1, 1, 12, 1, true, 3));

    scheduler.finish(1);
    assertThat(scheduler.state().activeKvTokens()).isZero();
    assertThat(scheduler.state().cachedKvTokens()).isEqualTo(13);
  }

  @Test
  void schedule_theOnlyRowGivesWay_anotherGoesOnInTheSameStep() {
    Scheduler scheduler = ExactRoom.scheduler(limits(100, 1, 52));
    turn(scheduler, 1, 10);
    step(scheduler);
    scheduler.park(1, true);
    turn(scheduler, 2, 10);
    step(scheduler);
    scheduler.park(1, false); // now both run, one in each step

    for (int i = 0; i < 35; i++) {
      assertThat(step(scheduler).grants()).as("step %d", i).hasSize(1);
    }
    assertThat(scheduler.state().waitingTurns()).isEqualTo(1);
  }
}
