package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.TorchProgram;
import org.jspecify.annotations.Nullable;

/**
 * The keys and values of one conversation, [layers, heads, capacity, headSize] each. Its memory
 * grows with the conversation; no other conversation's cache is touched when it joins, grows or
 * leaves. Owned by the engine thread.
 */
public final class KeyValueCache implements AutoCloseable {
  /** Tokens are added in blocks of this many, so that a decoding step rarely grows a cache. */
  private static final int BLOCK = 64;

  private final Gpt2Config config;
  private final NDManager manager;
  private @Nullable NDArray keys;
  private @Nullable NDArray values;
  private int capacity;
  private int length;

  KeyValueCache(Gpt2Config config, NDManager parent) {
    this.config = config;
    this.manager = parent.newSubManager();
  }

  /** Tokens that are cached. */
  public int length() {
    return length;
  }

  /** Bytes of native memory that a token takes. */
  public static long bytesPerToken(Gpt2Config config) {
    return 2L * config.layerCount() * config.embeddingSize() * Float.BYTES;
  }

  /** Bytes of native memory. */
  public long sizeBytes() {
    return capacity * bytesPerToken(config);
  }

  /** Forgets every token after the first {@code kept}. */
  public void truncate(int kept) {
    if (kept < 0 || kept > length) {
      throw new IllegalArgumentException("cannot keep %d of %d tokens".formatted(kept, length));
    }
    length = kept;
  }

  void reserve(TorchProgram program, int tokens) {
    int needed = length + tokens;
    if (needed > config.contextLength()) {
      throw new IllegalArgumentException(
          "%d cached and %d new tokens exceed the context of %d"
              .formatted(length, tokens, config.contextLength()));
    }
    if (needed <= capacity) {
      return;
    }
    int blocks = (Math.max(needed, capacity + capacity / 2) + BLOCK - 1) / BLOCK;
    int wanted = Math.min(blocks * BLOCK, Math.max(needed, config.contextLength()));
    keys = grow(program, keys, wanted);
    values = grow(program, values, wanted);
    capacity = wanted;
  }

  private NDArray grow(TorchProgram program, @Nullable NDArray old, int wanted) {
    if (old == null) {
      int headSize = config.embeddingSize() / config.headCount();
      Shape shape = new Shape(config.layerCount(), config.headCount(), wanted, headSize);
      return manager.create(shape, DataType.FLOAT32);
    }
    NDArray grown;
    try (IValue cache = TorchProgram.argument(old);
        IValue used = IValue.from((long) length);
        IValue room = IValue.from((long) wanted)) {
      grown = program.tensor(manager, "grow", cache, used, room);
    }
    old.close(); // only now: without memory for the new one, the conversation keeps the old one
    return grown;
  }

  void advance(int tokens) {
    length += tokens;
  }

  NDArray keys() {
    return present(keys);
  }

  NDArray values() {
    return present(values);
  }

  private static NDArray present(@Nullable NDArray array) {
    if (array == null) {
      throw new IllegalStateException("nothing is cached yet");
    }
    return array;
  }

  @Override
  public void close() {
    manager.close();
    keys = null;
    values = null;
    capacity = 0;
    length = 0;
  }
}
