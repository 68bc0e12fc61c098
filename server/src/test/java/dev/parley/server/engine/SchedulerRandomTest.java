package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.server.engine.Plan.Drop;
import dev.parley.server.engine.Plan.Grant;
import dev.parley.server.engine.Plan.Share;
import dev.parley.server.engine.PrefixOffers.Offer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Long random schedules against a simple account of what must hold in each of them. */
class SchedulerRandomTest {
  private static final int CONTEXT = 300;

  private static final class Talk {
    final long id;
    final List<Long> turns = new ArrayList<>(); // the first one is ready
    int cached;
    int room; // as a cache takes it
    boolean open = true;

    Talk(long id) {
      this.id = id;
    }

    /** Reads on to so many tokens. */
    void grow(int tokens) {
      room = Math.max(room, blocks(tokens));
    }
  }

  private static int blocks(int tokens) {
    return Math.min((tokens + 63) / 64 * 64, CONTEXT);
  }

  private static final class Said {
    final long id;
    final Talk talk;
    final long startBy;
    final long deadline;
    int tokens;
    int left;
    boolean started;
    boolean parked;
    int candidates = 1;
    final List<Said> others = new ArrayList<>(); // candidates beside it, once it is forked
    boolean competes; // forked, or one of those
    boolean resting;

    Said(long id, Talk talk, long startBy, long deadline, int left) {
      this.id = id;
      this.talk = talk;
      this.startBy = startBy;
      this.deadline = deadline;
      this.left = left;
    }

    boolean candidate() {
      return talk.id < 0;
    }

    boolean canGoOn() {
      return !parked && !resting && talk.turns.get(0) == id;
    }
  }

  private SplittableRandom random = new SplittableRandom(0);
  private SplittableRandom luck = new SplittableRandom(0); // of guesses
  private Scheduler scheduler = ExactRoom.scheduler(EngineLimits.of(CONTEXT));
  private final Map<Long, Talk> talks = new HashMap<>(); // closed ones while something is cached
  private final Map<Long, Said> turns = new HashMap<>();
  private long ids;
  private long now;
  private int completed;
  private int shared;
  private int accepted;
  private int forked;
  private int adopted;
  private int arrived;
  private final Set<Long> endedTurns = new HashSet<>();
  private long oldest; // of the turns that can go on
  private int waited; // for so many steps
  private boolean forking;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void schedule_randomOperations_keepsItsPromises(long seed) {
    random = new SplittableRandom(seed);
    luck = new SplittableRandom(-seed);
    int rows = 1 + random.nextInt(12);
    int stepTokens = rows + 1 + random.nextInt(100);
    EngineLimits limits =
        new EngineLimits(
            stepTokens,
            rows,
            CONTEXT + random.nextInt(1_500),
            50,
            50,
            5,
            true,
            luck.nextInt(20),
            1 + luck.nextInt(stepTokens));
    scheduler = new Scheduler(limits, CacheRoom.of(CONTEXT), this::offer);
    for (int step = 0; step < 4_000; step++) {
      act();
      check(limits, step);
    }
    leads().forEach(turn -> park(turn, false));
    for (int step = 0; !turns.isEmpty(); step++) {
      assertThat(step).as("steps until all are served, seed %d", seed).isLessThan(50_000);
      check(limits, step);
    }
    assertThat(scheduler.state().activeKvTokens()).isZero();
    int left = 0;
    for (Talk talk : List.copyOf(talks.values())) {
      if (talk.open) {
        scheduler.close(talk.id, false);
        talks.remove(talk.id);
      } else {
        left += talk.room;
      }
    }
    assertThat(scheduler.state())
        .as("only what closed conversations left, seed %d", seed)
        .isEqualTo(new EngineState(0, 0, 0, 0, 0, left, limits.kvCapacityTokens()));
    assertThat(endedTurns).as("turns that ended, seed %d", seed).hasSize(arrived);
    assertThat(forked).as("turns with candidates, seed %d", seed).isGreaterThan(30);
    assertThat(adopted).as("candidates that were chosen, seed %d", seed).isGreaterThan(10);
    assertThat(shared).as("beginnings that were shared, seed %d", seed).isGreaterThan(50);
    assertThat(completed).as("turns with a whole reply, seed %d", seed).isGreaterThan(100);
    assertThat(accepted > 0).isEqualTo(limits.guessingTokens() > 1);
  }

  private void act() {
    int what = random.nextInt(100);
    if (what < 10 && open().size() < 25) {
      Talk talk = new Talk(++ids);
      talks.put(talk.id, talk);
      scheduler.open(talk.id);
    } else if (what < 40 && !open().isEmpty() && leads().size() < 40) {
      Talk talk = any(open());
      long startBy = random.nextInt(5) == 0 ? now + random.nextInt(30) : TurnRequest.NEVER;
      long deadline = random.nextInt(5) == 0 ? now + random.nextInt(100) : TurnRequest.NEVER;
      Said turn = new Said(++ids, talk, startBy, deadline, 1 + random.nextInt(40));
      if (random.nextInt(4) == 0) {
        turn.candidates = 2 + random.nextInt(4);
        ids += turn.candidates - 1; // theirs
      }
      arrived++;
      turns.put(turn.id, turn);
      scheduler.enqueue(turn.id, talk.id, startBy, deadline);
      talk.turns.add(turn.id);
      if (talk.turns.size() == 1) {
        ready(turn);
      }
    } else if (what < 50 && !turns.isEmpty()) {
      park(any(leads()), random.nextBoolean());
    } else if (what < 53 && !turns.isEmpty()) {
      Said turn = any(leads());
      scheduler.finish(turn.id);
      gone(turn);
    } else if (what < 54 && !open().isEmpty()) {
      Talk talk = any(open());
      boolean keep = random.nextBoolean();
      assertThat(scheduler.close(talk.id, keep))
          .as("the cache is kept")
          .isEqualTo(keep && talk.cached > 0);
      talk.room = keep && talk.cached > 0 ? talk.room : 0;
      talk.turns.forEach(id -> ended(turns.get(id)));
      talk.turns.clear();
      talk.open = false;
      if (!keep || talk.cached == 0) {
        talks.remove(talk.id);
      }
    }
  }

  private List<Talk> open() {
    return talks.values().stream().filter(talk -> talk.open && talk.id > 0).toList();
  }

  private List<Said> leads() {
    return turns.values().stream().filter(turn -> !turn.candidate()).toList();
  }

  /** Any other conversation's cache, up to any length. */
  private Optional<Offer> offer(long id) {
    Said turn = turns.get(id);
    assertThat(turn.parked).isFalse();
    List<Talk> sources =
        talks.values().stream().filter(talk -> talk != turn.talk && talk.cached > 0).toList();
    if (sources.isEmpty() || turn.tokens == 1 || random.nextInt(3) == 0) {
      return Optional.empty();
    }
    Talk source = any(sources);
    int tokens = 1 + random.nextInt(Math.min(source.cached, turn.tokens - 1));
    return Optional.of(new Offer(source.id, tokens));
  }

  private void move(Plan.Move move, EngineLimits limits) {
    if (move instanceof Drop drop) {
      Talk talk = talks.get(drop.conversation());
      assertThat(drop.tokens()).isEqualTo(talk.cached);
      talk.cached = 0;
      talk.room = 0;
      if (!talk.open) {
        talks.remove(talk.id);
      }
    } else if (move instanceof Share share) {
      Said turn = turns.get(share.turn());
      Talk source = talks.get(share.source());
      assertThat(source).isNotSameAs(turn.talk);
      assertThat(share.conversation()).isEqualTo(turn.talk.id);
      assertThat(share.tokens())
          .as("more than it has, at least one token is left to read, unless that is known: a fork")
          .isBetween(turn.talk.cached + 1, forking ? turn.tokens : turn.tokens - 1)
          .isLessThanOrEqualTo(source.cached);
      turn.talk.cached = share.tokens();
      turn.talk.room = blocks(share.tokens());
      shared++;
    }
    assertThat(room()).as("after each move").isLessThanOrEqualTo(limits.kvCapacityTokens());
  }

  private int room() {
    return talks.values().stream().mapToInt(talk -> talk.room).sum();
  }

  private <T> T any(List<T> values) {
    return values.get(random.nextInt(values.size()));
  }

  private void park(Said turn, boolean parked) {
    if (turn.talk.turns.get(0) == turn.id) {
      turn.parked = parked;
      scheduler.park(turn.id, parked);
    }
  }

  private void ready(Said turn) {
    turn.tokens = 1 + random.nextInt(CONTEXT - 1);
    turn.left = Math.min(turn.left, CONTEXT - turn.tokens);
    turn.talk.cached = random.nextInt(Math.min(turn.talk.cached, turn.tokens - 1) + 1);
    scheduler.ready(turn.id, turn.tokens, turn.talk.cached);
  }

  /** A turn is gone, and its candidates. */
  private void ended(Said turn) {
    turns.remove(turn.id);
    assertThat(endedTurns.add(turn.id)).as("turn %d ends once", turn.id).isTrue();
    for (Said other : turn.others) {
      turns.remove(other.id);
      talks.remove(other.talk.id);
    }
  }

  private void gone(Said turn) {
    ended(turn);
    boolean first = turn.talk.turns.get(0) == turn.id;
    turn.talk.turns.remove(turn.id);
    if (first && !turn.talk.turns.isEmpty()) {
      ready(turns.get(turn.talk.turns.get(0)));
    }
  }

  private void check(EngineLimits limits, int step) {
    now++;
    Plan plan = scheduler.schedule(now);
    // The engine drops the candidates of a turn that is overdue before it makes the moves.
    plan.overdue().stream()
        .flatMap(id -> turns.get(id).others.stream())
        .forEach(
            other -> {
              other.talk.cached = 0;
              other.talk.room = 0;
            });
    plan.moves().forEach(move -> move(move, limits));
    for (long id : plan.expired()) {
      Said turn = turns.get(id);
      assertThat(turn.started).isFalse();
      assertThat(Math.min(turn.startBy, turn.deadline)).isLessThanOrEqualTo(now);
      gone(turn);
    }
    for (long id : plan.overdue()) {
      Said turn = turns.get(id);
      assertThat(turn.started).isTrue();
      assertThat(turn.deadline).isLessThanOrEqualTo(now);
      gone(turn);
    }
    assertThat(plan.grants().size()).isLessThanOrEqualTo(limits.stepRows());
    int guesses = plan.grants().stream().mapToInt(Grant::guesses).sum();
    assertThat(granted(plan) + guesses)
        .isLessThanOrEqualTo(
            guesses == 0
                ? limits.stepTokens()
                : Math.min(limits.stepTokens(), limits.guessingTokens()));
    List<Integer> prompts =
        plan.grants().stream().filter(grant -> pending(grant) > 1).map(Grant::tokens).toList();
    if (prompts.size() < plan.grants().size()) {
      assertThat(prompts.stream().mapToInt(tokens -> tokens).sum())
          .as("tokens of prompts beside replies")
          .isLessThanOrEqualTo(Math.max(limits.promptTokens(), prompts.size()));
    }
    Set<Long> seen = new HashSet<>();
    Map<Long, Integer> read = new HashMap<>(); // guesses: there may be fewer than are allowed
    for (Grant grant : plan.grants()) {
      Said turn = turns.get(grant.turn());
      assertThat(turn.resting).isFalse();
      assertThat(seen.add(grant.conversation())).as("one row for a conversation").isTrue();
      assertThat(turn.talk.turns.get(0)).isEqualTo(turn.id);
      assertThat(turn.parked).isFalse();
      assertThat(turn.deadline).isGreaterThan(now);
      assertThat(turn.started || turn.startBy > now).as("never after it expired").isTrue();
      assertThat(grant.from()).isEqualTo(turn.talk.cached);
      assertThat(grant.tokens()).isBetween(1, turn.tokens - turn.talk.cached);
      assertThat(grant.sample()).isEqualTo(grant.from() + grant.tokens() == turn.tokens);
      turn.started = true;
      turn.talk.cached += grant.tokens();
      turn.talk.grow(turn.talk.cached);
      read.put(turn.id, luck.nextInt(grant.guesses() + 1));
      turn.talk.grow(turn.talk.cached + read.get(turn.id));
    }
    boolean work = turns.values().stream().anyMatch(Said::canGoOn);
    boolean ended = !plan.expired().isEmpty() || !plan.overdue().isEmpty(); // others are ready now
    assertThat(!plan.grants().isEmpty() || !work || ended)
        .as("step %d does something where there is something to do", step)
        .isTrue();
    oldestGetsOn(seen);
    EngineState state = scheduler.state();
    assertThat(state.conversations()).as("candidates do not count").isEqualTo(open().size());
    assertThat(state.activeKvTokens() + state.cachedKvTokens())
        .as("reserved room")
        .isBetween(room(), limits.kvCapacityTokens());
    scheduler.apply(plan);
    for (Grant grant : plan.grants()) {
      Said turn = turns.get(grant.turn());
      if (grant.sample() && turn.candidates > 1 && !turn.competes) {
        scheduler.guessed(turn.id, read.get(turn.id));
        fork(turn, limits);
      } else if (grant.sample()) {
        sampled(turn, read.get(turn.id));
      }
    }
    leads().forEach(this::choose);
    int idle =
        talks.values().stream()
            .filter(talk -> talk.turns.isEmpty())
            .mapToInt(talk -> talk.room)
            .sum();
    assertThat(scheduler.state().cachedKvTokens()).isGreaterThanOrEqualTo(idle);
  }

  /** The oldest turn that can go on does, in the end: others that came later give way. */
  private void oldestGetsOn(Set<Long> conversations) {
    Optional<Said> first =
        turns.values().stream().filter(Said::canGoOn).min(Comparator.comparing(turn -> turn.id));
    boolean same = first.isPresent() && first.get().id == oldest;
    oldest = first.map(turn -> turn.id).orElse(0L);
    boolean read = first.isPresent() && conversations.contains(first.get().talk.id);
    waited = same && !read ? waited + 1 : 0;
    assertThat(waited).as("steps in which turn %d got nothing", oldest).isLessThan(500);
  }

  /** A turn whose prompt is read gets candidates; each has its first token. */
  private void fork(Said turn, EngineLimits limits) {
    List<Long> others = LongStream.range(turn.id + 1, turn.id + turn.candidates).boxed().toList();
    List<Plan.Move> moves = scheduler.fork(turn.id, others);
    for (long id : others) {
      Talk talk = new Talk(Scheduler.candidateSeat(id));
      talk.turns.add(id);
      talks.put(talk.id, talk);
      int left = Math.min(1 + random.nextInt(40), CONTEXT - turn.tokens);
      Said other = new Said(id, talk, TurnRequest.NEVER, TurnRequest.NEVER, left);
      other.tokens = turn.tokens;
      other.started = true;
      other.competes = true;
      turn.others.add(other);
      turns.put(id, other);
    }
    turn.competes = true;
    forking = true;
    moves.forEach(move -> move(move, limits));
    forking = false;
    sampled(turn, 0);
    turn.others.forEach(other -> sampled(other, 0));
    forked++;
  }

  /** Where all candidates are whole, one of them is chosen, sooner or later. */
  private void choose(Said turn) {
    if (!turn.resting || !turn.others.stream().allMatch(o -> o.resting) || luck.nextInt(3) > 0) {
      return;
    }
    Said best = any(turn.others);
    if (best.talk.cached > 0) {
      scheduler.adopt(turn.id, best.id);
      turn.talk.cached = best.talk.cached;
      turn.talk.room = best.talk.room;
      adopted++;
    }
    scheduler.finish(turn.id);
    completed++;
    gone(turn);
  }

  /** A reply goes on by one token more than there are right guesses, or ends on the way. */
  private void sampled(Said turn, int guessed) {
    scheduler.guessed(turn.id, guessed);
    int right = luck.nextInt(guessed + 1);
    for (int token = 0; token <= right; token++) {
      turn.left--;
      if (turn.left <= 0 && turn.competes) {
        scheduler.rest(turn.id);
        turn.resting = true;
        break;
      }
      if (turn.left <= 0) {
        scheduler.finish(turn.id);
        completed++;
        gone(turn);
        break;
      }
      turn.tokens++;
      scheduler.extend(turn.id);
      if (token < right) {
        scheduler.accept(turn.id);
        turn.talk.cached++;
        accepted++;
      }
    }
    // As if guesses came true every time: the scheduler keeps on guessing.
    scheduler.checked(turn.talk.id, right, right);
  }

  private int pending(Grant grant) {
    return turns.get(grant.turn()).tokens - grant.from();
  }

  private static int granted(Plan plan) {
    return plan.grants().stream().mapToInt(Grant::tokens).sum();
  }
}
