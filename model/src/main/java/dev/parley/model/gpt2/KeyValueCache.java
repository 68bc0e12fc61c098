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
  private final TorchProgram program;
  private @Nullable NDArray keys;
  private @Nullable NDArray values;
  private int capacity;
  private int length;

  KeyValueCache(Gpt2Config config, NDManager parent, TorchProgram program) {
    this.config = config;
    this.program = program;
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

  /**
   * Replaces what is cached by the beginning of another conversation with the same model, as if its
   * tokens had been read here. The other cache does not change.
   *
   * @param tokens 1 to {@code source.length()}
   */
  public void copyPrefix(KeyValueCache source, int tokens) {
    if (tokens < 1 || tokens > source.length) {
      throw new IllegalArgumentException(
          "cannot copy %d of %d tokens".formatted(tokens, source.length));
    }
    int wanted = Math.min(blocks(tokens) * BLOCK, Math.max(tokens, config.contextLength()));
    replace(grown(source.keys(), tokens, wanted), grown(source.values(), tokens, wanted));
    capacity = wanted;
    length = tokens;
  }

  void reserve(int tokens) {
    int needed = length + tokens;
    if (needed > config.contextLength()) {
      throw new IllegalArgumentException(
          "%d cached and %d new tokens exceed the context of %d"
              .formatted(length, tokens, config.contextLength()));
    }
    if (needed <= capacity) {
      return;
    }
    int wanted =
        Math.min(
            blocks(Math.max(needed, capacity + capacity / 2)) * BLOCK,
            Math.max(needed, config.contextLength()));
    if (capacity == 0) {
      replace(empty(wanted), empty(wanted));
    } else {
      replace(grown(keys(), length, wanted), grown(values(), length, wanted));
    }
    capacity = wanted;
  }

  private static int blocks(int tokens) {
    return (tokens + BLOCK - 1) / BLOCK;
  }

  private NDArray empty(int wanted) {
    int headSize = config.embeddingSize() / config.headCount();
    Shape shape = new Shape(config.layerCount(), config.headCount(), wanted, headSize);
    return manager.create(shape, DataType.FLOAT32);
  }

  private NDArray grown(NDArray old, int used, int wanted) {
    try (IValue cache = TorchProgram.argument(old);
        IValue kept = IValue.from((long) used);
        IValue room = IValue.from((long) wanted)) {
      return program.tensor(manager, "grow", cache, kept, room);
    }
  }

  /** Both at once: without memory for the new ones, the conversation keeps the old ones. */
  private void replace(NDArray newKeys, NDArray newValues) {
    if (keys != null) {
      keys.close();
    }
    if (values != null) {
      values.close();
    }
    keys = newKeys;
    values = newValues;
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
