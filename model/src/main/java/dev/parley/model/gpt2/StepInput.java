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
 * read one by one; the tokens of the others, each with its row's blocks, in groups of similar
 * length, since every block of a group costs what the longest one's do.
 */
final class StepInput implements AutoCloseable {
  /** A row with more tokens than this is read by itself; from 8 to 16 on that is faster. */
  private static final int MOST_TOGETHER = 8;

  /** A group of its own costs about what so many blocks do that are not there. */
  private static final int GROUP_BLOCKS = 32;

  /**
   * New tokens of a conversation.
   *
   * @param cache with room for them
   * @param wanted which of them the logits are wanted after, in order
   */
  record Reading(KeyValueCache cache, int[] tokens, int[] wanted) {
    int blocks() {
      return KeyValueBlocks.count(length());
    }

    boolean alone() {
      return tokens.length > MOST_TOGETHER;
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

  private final NDManager scope;
  private final List<IValue> values = new ArrayList<>();

  /**
   * Arguments.
   *
   * @param parent owns their memory
   * @param readings whose wanted logits come in this order
   */
  StepInput(NDManager parent, List<Reading> readings) {
    this.scope = parent.newSubManager();
    List<Reading> alone = readings.stream().filter(Reading::alone).toList();
    List<Reading> together =
        readings.stream()
            .filter(reading -> !reading.alone())
            .sorted(Comparator.comparingInt(Reading::blocks).reversed())
            .toList();
    List<List<Reading>> parts = new ArrayList<>();
    alone.forEach(reading -> parts.add(List.of(reading)));
    parts.addAll(groups(together));
    List<Reading> ordered = parts.stream().flatMap(List::stream).toList();
    try {
      addTensor(ordered.stream().flatMapToLong(reading -> longs(reading.tokens())));
      addTensor(ordered.stream().flatMapToLong(Reading::positions));
      addTensor(together.stream().flatMapToLong(Reading::places));
      addList(parts.stream().mapToLong(StepInput::tokens));
      addList(parts.stream().mapToLong(StepInput::longest));
      values.add(TorchProgram.list(parts.stream().map(this::table).toList()));
      values.add(IValue.from((long) alone.size()));
      addTensor(wanted(readings, ordered));
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Rows with the most blocks come first. */
  private static List<List<Reading>> groups(List<Reading> rows) {
    List<List<Reading>> groups = new ArrayList<>();
    int begin = 0;
    for (int at = 1; at <= rows.size(); at++) {
      boolean last = at == rows.size();
      if (last || padding(rows.get(begin), rows.get(at), rows.size() - at) > GROUP_BLOCKS) {
        groups.add(rows.subList(begin, at));
        begin = at;
      }
    }
    return groups;
  }

  /**
   * Blocks that are not there, at least, where so many more rows go with the longest of a group.
   */
  private static int padding(Reading longest, Reading next, int rows) {
    return (longest.blocks() - next.blocks()) * rows;
  }

  private static long tokens(List<Reading> part) {
    return part.stream().mapToLong(reading -> reading.tokens().length).sum();
  }

  private static long longest(List<Reading> part) {
    return part.stream().mapToLong(Reading::length).max().orElseThrow();
  }

  /** The blocks of a row that is read by itself, or of each token of a group. */
  private NDArray table(List<Reading> part) {
    int width = part.get(0).blocks();
    int height = part.get(0).alone() ? 1 : (int) tokens(part);
    long[] table = new long[height * width]; // of nobody's block, 0
    int line = 0;
    for (Reading reading : part) {
      for (int i = 0; i < (reading.alone() ? 1 : reading.tokens().length); i++, line++) {
        for (int block = 0; block < reading.blocks(); block++) {
          table[line * width + block] = reading.cache().block(block * KeyValueBlocks.TOKENS);
        }
      }
    }
    return scope.create(table, new Shape(height, width));
  }

  /** Where the tokens that count stand, in the order of the rows as they were given. */
  private static LongStream wanted(List<Reading> readings, List<Reading> ordered) {
    IdentityHashMap<Reading, long[]> wanted = new IdentityHashMap<>();
    int at = 0;
    for (Reading reading : ordered) {
      int begin = at;
      wanted.put(reading, longs(reading.wanted()).map(token -> begin + token).toArray());
      at += reading.tokens().length;
    }
    return readings.stream().map(wanted::get).flatMapToLong(Arrays::stream);
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
  IValue[] between(List<IValue> before, IValue... after) {
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
