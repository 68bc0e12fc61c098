package dev.parley.server.engine;

import java.util.function.Predicate;
import java.util.function.Supplier;

/** A conversation in an engine. Thread-safe; no method blocks. */
public final class Conversation implements AutoCloseable {
  private final ChatEngine engine;
  private final ConversationSlot slot;

  private final int historyTokens;

  Conversation(ChatEngine engine, ConversationSlot slot) {
    this.engine = engine;
    this.slot = slot;
    this.historyTokens = slot.dialogue.historyTokens();
  }

  /** The length of the history that it was opened with. */
  public int historyTokens() {
    return historyTokens;
  }

  /**
   * Queues a turn behind those of this conversation that have not ended.
   *
   * @param request called at once in this thread, after a place was reserved: tokenizing for
   *     nothing is spared
   * @param sink ends with exactly one of {@code finished} or {@code failed}, unless this method
   *     throws
   * @throws dev.parley.server.rpc.RpcException RESOURCE_EXHAUSTED with a retry delay where too many
   *     turns wait, INVALID_ARGUMENT where the message is longer than the context, UNAVAILABLE
   *     where the engine has stopped; what {@code request} throws
   */
  public void submit(Supplier<TurnRequest> request, TurnSink sink) {
    engine.submit(slot, request, sink, false);
  }

  /**
   * As {@link #submit}; the turns before it end as {@link #interrupt} ends one, if this one is
   * taken.
   */
  public void bargeIn(Supplier<TurnRequest> request, TurnSink sink) {
    engine.submit(slot, request, sink, true);
  }

  /**
   * Ends the first turn that has not ended, with what was delivered of its reply. Its message stays
   * in the history.
   */
  public void interrupt() {
    interrupt(sink -> true);
  }

  /**
   * As {@link #interrupt()}, for the first turn whose sink is meant. Where that turn still waits
   * behind another one, nothing of it stays in the history.
   *
   * @param which asked on the engine thread about sinks that were submitted here
   */
  public void interrupt(Predicate<TurnSink> which) {
    engine.interrupt(slot, which);
  }

  /** Its reader takes more: a turn that was parked for it goes on. */
  public void wake() {
    engine.wake(slot);
  }

  /** Ends the conversation at the next step boundary; its turns fail with CANCELLED. */
  @Override
  public void close() {
    engine.close(slot);
  }
}
