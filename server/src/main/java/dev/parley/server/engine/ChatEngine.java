package dev.parley.server.engine;

import dev.parley.model.gpt2.Gpt2Config;
import dev.parley.model.gpt2.Gpt2Decoder;
import java.util.Optional;
import java.util.function.LongSupplier;

/** The one thread that owns a decoder and its caches. */
public final class ChatEngine implements AutoCloseable {
  private final Gpt2Decoder decoder;

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
   * @param nanoClock as {@link System#nanoTime}
   */
  public ChatEngine(
      Gpt2Decoder decoder, EngineLimits limits, EngineObserver observer, LongSupplier nanoClock) {
    this.decoder = decoder;
    throw new UnsupportedOperationException("in work: " + limits + observer + nanoClock);
  }

  /** The model's shape. */
  public Gpt2Config config() {
    return decoder.config();
  }

  /** Opens a conversation. */
  public Conversation open(int[] history) {
    throw new UnsupportedOperationException("in work: " + history.length);
  }

  /** The state after the last step. */
  public EngineState state() {
    throw new UnsupportedOperationException("in work");
  }

  /** Why the engine stopped, where it did. */
  public Optional<Throwable> failure() {
    throw new UnsupportedOperationException("in work");
  }

  /** Nanoseconds since the engine started. */
  public long now() {
    throw new UnsupportedOperationException("in work");
  }

  /** Looks at readers and clocks again. */
  public void wake() {
    throw new UnsupportedOperationException("in work");
  }

  /** Stops at the next step boundary; every turn fails with UNAVAILABLE; closes the decoder. */
  @Override
  public void close() {
    throw new UnsupportedOperationException("in work");
  }
}
