package dev.parley.model.gpt2;

import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.Torch;
import dev.parley.model.torch.TorchProgram;
import java.util.Arrays;
import java.util.List;

/**
 * Where the keys and values of all conversations with a model are: in blocks of {@value #TOKENS}
 * tokens, each of which belongs to one conversation at a time, as PagedAttention (Kwon et al. 2023)
 * keeps them. Owned by the engine thread.
 */
final class KeyValueBlocks implements AutoCloseable {
  /** Tokens of a block; the program counts on it. */
  static final int TOKENS = 64;

  /** Blocks of the first tables where nothing was reserved. */
  private static final int FIRST_BLOCKS = 64;

  private final Gpt2Config config;
  private final DataType type;
  private final TorchProgram program;
  private final IValue parameters;
  private final IValue tables =
      TorchProgram.list(List.of()); // of every layer, once there is a block
  private int reserved; // blocks
  private boolean atOnce;
  private int room; // blocks of the tables
  private int used = 1; // blocks that were ever taken; block 0 is nobody's
  private int[] returned = new int[16];
  private int returnedCount;

  /**
   * None yet.
   *
   * @param type of keys and values
   * @param parameters of the model; not closed here
   */
  KeyValueBlocks(Gpt2Config config, DataType type, TorchProgram program, IValue parameters) {
    this.config = config;
    this.type = type;
    this.program = program;
    this.parameters = parameters;
  }

  /** The most tokens of a conversation. */
  int contextLength() {
    return config.contextLength();
  }

  /** Bytes of native memory that a token's keys and values take. */
  long bytesPerToken() {
    return Precision.cacheBytesPerToken(config, type);
  }

  /** Blocks that so many tokens take. */
  static int blocksOf(int tokens) {
    return (tokens + TOKENS - 1) / TOKENS;
  }

  /**
   * Says that caches of so many tokens in all will be there.
   *
   * @param tokens as conversations are charged for them: in whole blocks, up to a full context each
   * @param atOnce whether the tables have room for them from the next time on that they grow, by
   *     which every cache is copied
   */
  void reserve(long tokens, boolean atOnce) {
    int context = config.contextLength();
    long blocks = (tokens * blocksOf(context) + context - 1) / context;
    this.reserved = (int) Math.min(1 + blocks, limit());
    this.atOnce = atOnce;
  }

  /**
   * Rows of the tables are numbered in 32 bits; a block has heads times headSize rows of keys, and
   * heads times 64 of values.
   */
  private int limit() {
    int headSize = config.embeddingSize() / config.headCount();
    return Integer.MAX_VALUE / (config.headCount() * Math.max(headSize, TOKENS));
  }

  /**
   * A block for a conversation; what is in it means nothing.
   *
   * @throws ai.djl.engine.EngineException without memory for larger tables; no block is taken then
   */
  int take() {
    if (returnedCount > 0) {
      return returned[--returnedCount];
    }
    if (used >= room) {
      enlarge(next());
    }
    return used++;
  }

  /** Blocks of the tables that come after these. */
  private int next() {
    int limit = room < reserved ? reserved : limit();
    if (room == limit) {
      throw new IllegalStateException(
          "%d blocks of %d tokens are all that can be numbered".formatted(room, TOKENS));
    }
    return atOnce && room < reserved
        ? reserved
        : (int) Math.min(Math.max(FIRST_BLOCKS, 2L * room), limit);
  }

  /** A block is nobody's any more. */
  void giveBack(int block) {
    if (returnedCount == returned.length) {
      returned = Arrays.copyOf(returned, 2 * returnedCount);
    }
    returned[returnedCount++] = block;
  }

  /** What is in some blocks is copied to as many others. */
  void copy(int[] sources, int[] targets) {
    try (IValue from = IValue.listFrom(longs(sources));
        IValue to = IValue.listFrom(longs(targets))) {
      program.call("share", tables, from, to).close();
    }
  }

  private static long[] longs(int[] numbers) {
    return Arrays.stream(numbers).asLongStream().toArray();
  }

  /** The tables of all layers, as the program's methods take them; not to be closed. */
  IValue tables() {
    return tables;
  }

  private void enlarge(int blocks) {
    try (IValue keep = IValue.from((long) used);
        IValue wanted = IValue.from((long) blocks);
        IValue dtype = IValue.from(Torch.scalarType(type))) {
      program.call("enlarge", parameters, tables, keep, wanted, dtype).close();
    }
    room = blocks;
  }

  @Override
  public void close() {
    tables.close();
    room = 0;
  }
}
