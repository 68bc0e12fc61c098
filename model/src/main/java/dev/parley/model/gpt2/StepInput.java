package dev.parley.model.gpt2;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.TorchProgram;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * What the program's {@code step} takes of some rows, in its order. Rows with many new tokens are
 * read one by one; the tokens of the others, each with its row's blocks, in groups.
 */
final class StepInput implements AutoCloseable {
  /**
   * libtorch sums fewer numbers than a vector register holds in another order; so that a reply does
   * not depend on its neighbours, there are never fewer.
   */
  private static final int LEAST_LENGTH = 16;

  /**
   * What kernels of attention take together.
   *
   * @param tokens a row with more than so many is read by itself
   * @param blocks that are not there, what a group of its own costs: each of a group costs what the
   *     longest does
   */
  record Grouping(int tokens, int blocks) {
    /** From 8 to 16 tokens on, by itself is faster. */
    static final Grouping OF_SIMILAR_LENGTH = new Grouping(8, 32);

    /** All that are single: for kernels that read nothing that is not there. */
    static final Grouping SINGLE_TOKENS = new Grouping(1, Integer.MAX_VALUE);
  }

  /**
   * New tokens of a conversation.
   *
   * @param cache with room for them
   * @param wanted which of them the logits are wanted after, in order
   */
  record NewTokens(KeyValueCache cache, int[] tokens, int[] wanted) {
    int blocks() {
      return KeyValueBlocks.blocksOf(length());
    }

    int length() {
      return cache.length() + tokens.length;
    }

    LongStream positions() {
      return LongStream.range(cache.length(), length());
    }

    /** Of each token: its block's number times its size, plus the place in it. */
    LongStream places() {
      return positions()
          .map(
              token ->
                  (long) cache.block((int) token) * KeyValueBlocks.TOKENS
                      + token % KeyValueBlocks.TOKENS);
    }
  }

  private final Grouping grouping;
  private final NDManager scope;
  private final List<IValue> values = new ArrayList<>();

  /**
   * Arguments.
   *
   * @param parent owns their memory
   * @param grouping what the program's kernels take together
   * @param rows whose wanted logits come in this order
   */
  StepInput(NDManager parent, Grouping grouping, List<NewTokens> rows) {
    this.grouping = grouping;
    List<NewTokens> alone = rows.stream().filter(this::alone).toList();
    List<NewTokens> together =
        rows.stream()
            .filter(row -> !alone(row))
            .sorted(Comparator.comparingInt(NewTokens::blocks).reversed())
            .toList();
    List<List<NewTokens>> parts = new ArrayList<>();
    alone.forEach(row -> parts.add(List.of(row)));
    parts.addAll(groups(together, grouping.blocks()));
    List<NewTokens> ordered = parts.stream().flatMap(List::stream).toList();
    this.scope = parent.newSubManager();
    try {
      addTensor(ordered.stream().flatMapToLong(row -> longs(row.tokens())));
      addTensor(ordered.stream().flatMapToLong(NewTokens::positions));
      addTensor(together.stream().flatMapToLong(NewTokens::places));
      addList(parts.stream().mapToLong(StepInput::tokens));
      addList(parts.stream().mapToLong(this::longest));
      values.add(TorchProgram.list(parts.stream().map(this::table).toList()));
      values.add(IValue.from((long) alone.size()));
      addTensor(wanted(rows, ordered));
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Rows with the most blocks come first. */
  private static List<List<NewTokens>> groups(List<NewTokens> rows, int worth) {
    List<List<NewTokens>> groups = new ArrayList<>();
    int begin = 0;
    long left = tokens(rows);
    for (int at = 0; at < rows.size(); at++) {
      NewTokens row = rows.get(at);
      // at least so many blocks are not there, if all that are left go with the longest
      long padding = (rows.get(begin).blocks() - row.blocks()) * left;
      if (padding > worth) {
        groups.add(rows.subList(begin, at));
        begin = at;
      }
      left -= row.tokens().length;
    }
    if (begin < rows.size()) {
      groups.add(rows.subList(begin, rows.size()));
    }
    return groups;
  }

  private boolean alone(NewTokens row) {
    return row.tokens().length > grouping.tokens();
  }

  private static long tokens(List<NewTokens> part) {
    return part.stream().mapToLong(row -> row.tokens().length).sum();
  }

  private long longest(List<NewTokens> part) {
    long longest = part.stream().mapToLong(NewTokens::length).max().orElseThrow();
    return alone(part.get(0)) ? longest : Math.max(longest, LEAST_LENGTH);
  }

  /** The blocks of a row that is read by itself, or of each token of a group. */
  private NDArray table(List<NewTokens> part) {
    int width = part.get(0).blocks();
    int height = alone(part.get(0)) ? 1 : (int) tokens(part);
    long[] table = new long[height * width]; // block 0 where there are no more
    int line = 0;
    for (NewTokens row : part) {
      for (int i = 0; i < (alone(row) ? 1 : row.tokens().length); i++, line++) {
        for (int block = 0; block < row.blocks(); block++) {
          table[line * width + block] = row.cache().block(block * KeyValueBlocks.TOKENS);
        }
      }
    }
    return scope.create(table, new Shape(height, width));
  }

  /** Where the tokens that count stand, in the order of the rows as they were given. */
  private static LongStream wanted(List<NewTokens> rows, List<NewTokens> ordered) {
    IdentityHashMap<NewTokens, long[]> wanted = new IdentityHashMap<>();
    int at = 0;
    for (NewTokens row : ordered) {
      int begin = at;
      wanted.put(row, longs(row.wanted()).map(token -> begin + token).toArray());
      at += row.tokens().length;
    }
    return rows.stream().map(wanted::get).flatMapToLong(Arrays::stream);
  }

  private static LongStream longs(int[] numbers) {
    return Arrays.stream(numbers).asLongStream();
  }

  private void addTensor(LongStream numbers) {
    values.add(TorchProgram.argument(scope.create(numbers.toArray())));
  }

  private void addList(LongStream numbers) {
    values.add(IValue.listFrom(numbers.toArray()));
  }

  /**
   * All arguments of a method.
   *
   * @param before those that come before these
   * @param after those that come after them
   */
  IValue[] arguments(List<IValue> before, IValue... after) {
    return Stream.of(before.stream(), values.stream(), Arrays.stream(after))
        .flatMap(part -> part)
        .toArray(IValue[]::new);
  }

  @Override
  public void close() {
    values.forEach(IValue::close);
    scope.close();
  }
}
