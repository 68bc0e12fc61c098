package dev.parley.server.engine;

import com.google.rpc.Code;
import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import dev.parley.model.gpt2.Precision;
import dev.parley.server.rpc.RpcException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Many conversations with one model, batched step by step.
 *
 * <p>One thread owns the decoder and every cache; it does what {@link EngineLoop} says. All other
 * threads only leave commands for it and never wait. It never waits for a reader: a turn whose sink
 * is not ready is parked.
 *
 * <p>If something unexpected ends the thread, every turn fails, {@link #failure} says why, and
 * nothing is taken any more.
 */
public final class ChatEngine implements AutoCloseable {
  private final Gpt2Decoder decoder;
  private final EngineLimits limits;
  private final EngineObserver observer;
  private final LongSupplier nanoClock;
  private final Runnable atEnd;
  private final long origin;
  private final Mailbox mailbox = new Mailbox();
  private final Admission admission;
  private final AtomicLong conversationIds = new AtomicLong();
  private final AtomicLong turnIds = new AtomicLong();
  private final EngineLoop loop;
  private final Thread thread;
  private final CompletableFuture<Throwable> failed = new CompletableFuture<>();
  private volatile @Nullable Throwable failure;

  /**
   * Starts an engine.
   *
   * @param decoder closed with the engine
   */
  public ChatEngine(Gpt2Decoder decoder, EngineLimits limits, EngineObserver observer) {
    this(decoder, limits, observer, System::nanoTime);
  }

  /**
   * Starts an engine with a clock of its own.
   *
   * @param decoder closed with the engine
   * @param nanoClock as {@link System#nanoTime}; where it is set by hand, {@link #wake} after it
   */
  public ChatEngine(
      Gpt2Decoder decoder, EngineLimits limits, EngineObserver observer, LongSupplier nanoClock) {
    this(decoder, rows -> {}, limits, observer, nanoClock, decoder::close);
  }

  private ChatEngine(
      Gpt2Decoder decoder,
      Consumer<List<Gpt2Decoder.Row>> beforeCall,
      EngineLimits limits,
      EngineObserver observer,
      LongSupplier nanoClock,
      Runnable atEnd) {
    if (limits.kvCapacityTokens() < decoder.config().contextLength()) {
      throw new IllegalArgumentException(
          "kvCapacityTokens is %d, but must hold a full context of %d tokens"
              .formatted(limits.kvCapacityTokens(), decoder.config().contextLength()));
    }
    decoder.reserve(limits.kvCapacityTokens());
    this.decoder = decoder;
    this.limits = limits;
    this.observer = new GuardedObserver(observer);
    this.nanoClock = nanoClock;
    this.atEnd = atEnd;
    this.origin = nanoClock.getAsLong();
    this.admission = new Admission(limits, this.observer, this::now);
    this.loop =
        new EngineLoop(
            decoder,
            beforeCall,
            limits,
            this.observer,
            this::now,
            admission::turnEnded,
            admission::asked,
            mailbox::post);
    this.thread = new Thread(this::run, "parley-engine");
    thread.setDaemon(true);
    thread.start();
  }

  /** Starts an engine over a decoder that stays its caller's. */
  public static ChatEngine over(Gpt2Decoder decoder, EngineLimits limits, EngineObserver observer) {
    return new ChatEngine(decoder, rows -> {}, limits, observer, System::nanoTime, () -> {});
  }

  /**
   * Starts an engine whose calls into the model can be made to fail.
   *
   * @param beforeCall on the engine thread, before each call; what it throws is the call's failure
   */
  static ChatEngine failing(
      Gpt2Decoder decoder,
      Consumer<List<Gpt2Decoder.Row>> beforeCall,
      EngineLimits limits,
      EngineObserver observer) {
    return new ChatEngine(decoder, beforeCall, limits, observer, System::nanoTime, decoder::close);
  }

  /** The model's shape. */
  public Gpt2Config config() {
    return decoder.config();
  }

  /** The precision of the model's projections. */
  public Precision precision() {
    return decoder.precision();
  }

  /** What it takes on. */
  public EngineLimits limits() {
    return limits;
  }

  /** Nanoseconds since the engine started: the time of {@link TurnRequest}. */
  public long now() {
    return nanoClock.getAsLong() - origin;
  }

  /**
   * Opens a conversation.
   *
   * @param history turns that were said before, each with its end of turn; asked for at once in
   *     this thread, after a place was reserved
   * @throws RpcException RESOURCE_EXHAUSTED with a retry delay where too many are open, UNAVAILABLE
   *     where the engine has stopped
   */
  public Conversation open(Supplier<int[]> history) {
    admission.takeConversation();
    boolean opened = false;
    try {
      long id = conversationIds.incrementAndGet();
      Dialogue dialogue = loop.dialogue(id, history.get());
      opened = mailbox.post(() -> loop.open(dialogue));
      if (!opened) {
        throw stopped();
      }
      return new Conversation(this, new ConversationSlot(dialogue));
    } finally {
      if (!opened) {
        admission.returnConversation();
      }
    }
  }

  void submit(
      ConversationSlot slot, Supplier<TurnRequest> supplier, TurnSink sink, boolean bargeIn) {
    admission.takeTurn(slot);
    boolean queued = false;
    try {
      TurnRequest request = supplier.get();
      int longest = Dialogue.longestMessage(config().contextLength());
      if (request.message().length < 1 || request.message().length > longest) {
        throw RpcException.of(
            Code.INVALID_ARGUMENT,
            "MESSAGE_TOO_LONG",
            "the message has %d tokens, but the model's context of %d has room for 1 to %d of them"
                .formatted(request.message().length, config().contextLength(), longest),
            Map.of(
                "tokens", Integer.toString(request.message().length),
                "limit", Integer.toString(longest)));
      }
      long arrival = now();
      // The id is taken inside: commands run in order, and the scheduler wants ids to grow.
      queued =
          mailbox.post(
              () -> {
                int ids = request.bestOf().candidates(); // one for each candidate
                long id = turnIds.getAndAdd(ids) + 1;
                loop.submit(new Turn(id, slot, request, sink, arrival), bargeIn);
              });
      if (!queued) {
        throw stopped();
      }
    } finally {
      if (!queued) {
        admission.returnTurn(slot);
      }
    }
  }

  void interrupt(ConversationSlot slot, Predicate<TurnSink> which) {
    mailbox.post(() -> loop.interrupt(slot.dialogue, which));
  }

  void close(ConversationSlot slot) {
    if (!slot.closed.compareAndSet(false, true)) {
      return;
    }
    // The place is free when the cache is: in the loop, or at once where there is no loop any more.
    boolean posted =
        mailbox.post(
            () -> {
              loop.close(slot.dialogue);
              admission.conversationEnded();
            });
    if (!posted) {
      admission.conversationEnded();
    }
  }

  /** Looks at every reader that is parked, and at the clock again. */
  public void wake() {
    mailbox.post(loop::wake);
  }

  void wake(ConversationSlot slot) {
    mailbox.post(() -> loop.wake(slot.dialogue));
  }

  /**
   * How probable the ends of sequences are, as {@link Gpt2Decoder#logProbabilities} says; found
   * between two steps.
   *
   * @return completes on the engine's thread; exceptionally, with UNAVAILABLE, where that has ended
   */
  public CompletableFuture<double[]> score(List<Gpt2Decoder.Scored> sequences) {
    CompletableFuture<double[]> scores = new CompletableFuture<>();
    boolean posted =
        mailbox.post(
            () -> {
              try {
                scores.complete(decoder.logProbabilities(sequences));
              } catch (RuntimeException e) {
                scores.completeExceptionally(e);
              } catch (Error e) { // the engine ends with it
                scores.completeExceptionally(e);
                throw e;
              }
            });
    if (!posted) {
      scores.completeExceptionally(stopped());
    }
    return scores;
  }

  /** Runs something on the engine thread after what was asked before; false where it has ended. */
  boolean whenReached(Runnable command) {
    return mailbox.post(command);
  }

  /** Open conversations, those that are being closed included. */
  public int conversations() {
    return admission.conversations();
  }

  /** Turns that have not ended. */
  public int turns() {
    return admission.turns();
  }

  /** The state after the last step. */
  public EngineState state() {
    return loop.state();
  }

  /** Why the engine stopped, where nobody closed it. */
  public Optional<Throwable> failure() {
    return Optional.ofNullable(failure);
  }

  /** Completes when the engine has stopped though nobody closed it, and its memory is free. */
  public CompletionStage<Throwable> failed() {
    return failed;
  }

  /** Whether the engine's thread runs. */
  public boolean alive() {
    return thread.isAlive();
  }

  private RpcException stopped() {
    return EngineErrors.unavailable(failure);
  }

  private void run() {
    Throwable cause = null;
    observer.state(loop.state()); // its capacity is to be seen before the first turn
    try {
      boolean more = true;
      while (more) {
        more = mailbox.await(loop.step(), this::now);
      }
    } catch (Throwable e) { // Errors too: whoever waits is told before the thread ends.
      cause = e;
      failure = e;
    }
    try {
      mailbox.close();
    } finally {
      try {
        loop.stop(cause);
      } finally {
        atEnd.run();
        if (cause != null) {
          failed.complete(cause);
        }
      }
    }
  }

  /** Stops at the next step boundary: every turn fails with UNAVAILABLE; closes the decoder. */
  @Override
  public void close() {
    mailbox.stop();
    boolean interrupted = false;
    while (thread.isAlive() && Thread.currentThread() != thread) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
