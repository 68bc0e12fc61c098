package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import org.jspecify.annotations.Nullable;

/**
 * The keys and values of one conversation, [layers, 2, heads, capacity, headSize]. Its memory grows
 * with the conversation; no other conversation's cache is touched when it joins, grows or leaves.
 * Owned by the engine thread.
 */
public final class KeyValueCache implements AutoCloseable {
  /** Tokens are added in blocks of this many, so that a decoding step rarely grows a cache. */
  private static final int BLOCK = 64;

  private final Gpt2Config config;
  private final DataType type;
  private final NDManager manager;
  private final TorchProgram program;
  private @Nullable NDArray array;
  private int capacity;
  private int length;

  /**
   * An empty cache.
   *
   * @param type of keys and values
   * @param parent owns its memory and names its device
   */
  KeyValueCache(Gpt2Config config, DataType type, NDManager parent, TorchProgram program) {
    this.config = config;
    this.type = type;
    this.program = program;
    this.manager = parent.newSubManager();
  }

  /** Tokens that are cached. */
  public int length() {
    return length;
  }

  /** Bytes of native memory. */
  public long sizeBytes() {
    return capacity * bytesPerToken(config, type);
  }

  /** Bytes that a token's keys and values take in a type. */
  static long bytesPerToken(Gpt2Config config, DataType type) {
    return 2L * config.layerCount() * config.embeddingSize() * type.getNumOfBytes();
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
    resize(source.array(), tokens, blocks(tokens, config.contextLength()));
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
    int wanted = grown(capacity, needed, config.contextLength());
    if (array != null) {
      resize(array, length, wanted);
      return;
    }
    int headSize = config.embeddingSize() / config.headCount();
    Shape shape = new Shape(config.layerCount(), 2, config.headCount(), 0, headSize);
    try (NDArray nothing = manager.create(shape, DataType.FLOAT32)) {
      resize(nothing, 0, wanted);
    }
  }

  /**
   * The capacity, in tokens, of a cache of some capacity after it has read on to {@code tokens} in
   * one call: it grows by at least half of itself, in whole blocks, up to a full context.
   */
  public static int grown(int capacity, int tokens, int contextLength) {
    return tokens <= capacity
        ? capacity
        : blocks(Math.max(tokens, capacity + capacity / 2), contextLength);
  }

  /** The capacity of a new cache for so many tokens, in whole blocks, up to a full context. */
  public static int blocks(int tokens, int contextLength) {
    return Math.min((tokens + BLOCK - 1) / BLOCK * BLOCK, contextLength);
  }

  /** Without memory for the new array, the conversation keeps the old one. */
  private void resize(NDArray source, int used, int wanted) {
    NDArray grown;
    try (IValue cache = TorchProgram.argument(source);
        IValue kept = IValue.from((long) used);
        IValue room = IValue.from((long) wanted);
        IValue dtype = IValue.from(Torch.scalarType(type))) {
      grown = program.tensor(manager, "grow", cache, kept, room, dtype);
    }
    if (array != null) {
      array.close();
    }
    array = grown;
    capacity = wanted;
  }

  void advance(int tokens) {
    length += tokens;
  }

  NDArray array() {
    if (array == null) {
      throw new IllegalStateException("nothing is cached yet");
    }
    return array;
  }

  @Override
  public void close() {
    manager.close();
    array = null;
    capacity = 0;
    length = 0;
  }
}
