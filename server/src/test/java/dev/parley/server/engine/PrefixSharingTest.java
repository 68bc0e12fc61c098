package dev.parley.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.parley.model.gpt2.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Conversations that take over what others have cached of the same beginning. */
class PrefixSharingTest {
  private static final int CONTEXT = 160;
  private static final int CAPACITY = 4_000;

  /** What a run said and cost. */
  private record Run(List<List<Integer>> replies, List<TurnOutcome> outcomes, int read, int steps) {
    int cached() {
      return outcomes.stream().mapToInt(TurnOutcome::cachedPromptTokens).sum();
    }

    int prompt() {
      return outcomes.stream().mapToInt(TurnOutcome::promptTokens).sum();
    }
  }

  /** Counts what was read of prompts. */
  private static final class Counts implements EngineObserver {
    final AtomicInteger read = new AtomicInteger();
    final AtomicInteger shared = new AtomicInteger();
    final AtomicInteger steps = new AtomicInteger();
    final List<EvictionReason> evicted = new ArrayList<>();

    @Override
    public void step(long nanos, int rows, int promptTokens, int sampledTokens) {
      read.addAndGet(promptTokens);
      steps.incrementAndGet();
    }

    @Override
    public void shared(int tokens) {
      shared.addAndGet(tokens);
    }

    @Override
    public void evicted(EvictionReason reason, int tokens) {
      evicted.add(reason);
    }
  }

  /** Every conversation reads all of its tokens itself. */
  private static final EngineLimits ALONE =
      new EngineLimits(32, 16, CAPACITY, 40, 60, 8).withoutSharing();

  private static EngineLimits limits(int capacity) {
    return new EngineLimits(32, 16, capacity, 40, 60, 8);
  }

  private static int[] tokens(int seed, int length) {
    return new SplittableRandom(seed).ints(length, 0, TinyModel.END).toArray();
  }

  /** A history of two turns. */
  private static int[] history(int seed) {
    TokenBuffer all = new TokenBuffer(tokens(seed, 40));
    all.add(TinyModel.END);
    all.addAll(tokens(seed + 1_000, 40));
    all.add(TinyModel.END);
    return all.slice(0, all.size());
  }

  private static Reader say(Conversation conversation, int[] message, int newTokens) {
    Reader reader = new Reader();
    conversation.submit(
        () ->
            new TurnRequest(
                message,
                SamplingParameters.greedy(newTokens),
                TurnRequest.NEVER,
                TurnRequest.NEVER),
        reader);
    return reader;
  }

  /** What a client would send as the history of a conversation that it resumes. */
  private static int[] transcript(int[] history, int[] message, List<Integer> reply) {
    TokenBuffer all = new TokenBuffer(history);
    all.addAll(message);
    all.add(TinyModel.END);
    reply.forEach(all::add);
    all.add(TinyModel.END);
    return all.slice(0, all.size());
  }

  /** One conversation, eight more with its history at once, then one of them on a new stream. */
  private static Run run(Precision precision, EngineLimits limits) throws Exception {
    Counts counts = new Counts();
    List<Reader> readers = new ArrayList<>();
    int[] history = history(1);
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(TinyModel.config(CONTEXT), precision), limits, counts)) {
      Reader first = say(engine.open(() -> history), tokens(5, 6), 12);
      first.await();
      readers.add(first);
      Conversation resumed = engine.open(() -> history);
      for (int i = 0; i < 8; i++) {
        Conversation conversation = i == 0 ? resumed : engine.open(() -> history);
        readers.add(say(conversation, tokens(20 + i, 4 + i), 12));
      }
      for (Reader reader : readers) {
        reader.await();
      }
      resumed.close();
      int[] said = transcript(history, tokens(20, 4), readers.get(1).tokens());
      Reader last = say(engine.open(() -> said), tokens(40, 5), 12);
      last.await();
      readers.add(last);
      Settled.await(engine);
      assertThat(engine.turns()).isZero();
      assertThat(engine.state().activeKvTokens()).isZero();
    }
    List<TurnOutcome> outcomes = new ArrayList<>();
    for (Reader reader : readers) {
      outcomes.add(reader.await());
    }
    return new Run(
        readers.stream().map(Reader::tokens).toList(),
        outcomes,
        counts.read.get(),
        counts.steps.get());
  }

  @ParameterizedTest
  @EnumSource(names = {"REFERENCE", "FP32", "FP16"})
  void submit_sameBeginning_sameRepliesInFewerSteps(Precision precision) throws Exception {
    Run alone = run(precision, ALONE);
    Run shared = run(precision, limits(CAPACITY));

    assertThat(shared.replies()).isEqualTo(alone.replies());
    assertThat(alone.cached()).as("nothing is shared").isZero();
    assertThat(alone.read()).isEqualTo(alone.prompt());
    assertThat(shared.prompt()).isEqualTo(alone.prompt());
    assertThat(shared.outcomes()).extracting(TurnOutcome::cachedPromptTokens).startsWith(0, 82, 82);
    assertThat(shared.outcomes().get(9).cachedPromptTokens())
        .as("all of the transcript but the last token of the reply and its end")
        .isEqualTo(shared.outcomes().get(9).promptTokens() - 6 - 2);
    assertThat(shared.read())
        .as("what is counted as cached was not read")
        .isEqualTo(shared.prompt() - shared.cached());
    assertThat(shared.steps()).as("steps").isLessThan(alone.steps() - 10);
  }

  @Test
  void submit_closedConversationsFillTheMemory_theyGoBeforeIdleOnes() throws Exception {
    Counts counts = new Counts();
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), limits(CONTEXT * 2), counts)) {
      Conversation idle = engine.open(() -> new int[0]);
      int[] hello = tokens(1, 20);
      Reader first = say(idle, hello, 4);
      first.await();
      for (int i = 0; i < 20; i++) {
        Conversation gone = engine.open(() -> new int[0]);
        say(gone, tokens(100 + i, 30), 4).await();
        gone.close();
      }
      Settled.await(engine);
      assertThat(counts.evicted).as("closed conversations' caches").hasSizeGreaterThan(10);
      assertThat(engine.state().conversations()).isEqualTo(1);
      assertThat(engine.state().cachedKvTokens()).isBetween(CONTEXT, 2 * CONTEXT);

      TurnOutcome second = say(idle, tokens(2, 5), 4).await();

      assertThat(second.cachedPromptTokens())
          .as("the oldest cache, but of an open conversation")
          .isEqualTo(20 + 1 + 4 - 1);
    }
  }

  @Test
  void submit_sharingIsOff_closedConversationsLeaveNothing() throws Exception {
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), ALONE, EngineObserver.NONE)) {
      Conversation gone = engine.open(() -> history(1));
      say(gone, tokens(1, 20), 4).await();
      gone.close();
      Settled.await(engine);

      assertThat(engine.state().cachedKvTokens()).isZero();
      assertThat(say(engine.open(() -> history(1)), tokens(1, 20), 4).await().cachedPromptTokens())
          .isZero();
    }
  }

  @Test
  void submit_whileTheOtherStillReadsItsPrompt_takesWhatIsThere() throws Exception {
    Semaphore steps = new Semaphore(0);
    try (ChatEngine engine =
        new ChatEngine(TinyModel.decoder(CONTEXT), limits(CAPACITY), new Paced(steps))) {
      int[] history = history(1);
      Reader first = say(engine.open(() -> history), tokens(5, 6), 3);
      Conversation other = engine.open(() -> history);
      Settled.until(steps::hasQueuedThreads); // 32 tokens of the first are read
      Reader second = say(other, tokens(6, 6), 3);
      steps.release(1_000);

      assertThat(first.await().cachedPromptTokens()).isZero();
      assertThat(second.await().cachedPromptTokens()).isEqualTo(32);
    }
  }
}
