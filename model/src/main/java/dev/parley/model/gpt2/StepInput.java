package dev.parley.model.gpt2;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.IValue;
import dev.parley.model.torch.TorchProgram;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;

/**
 * What the program's {@code step} takes of some rows, in its order. Rows with many new tokens are
 * read one by one; the tokens of the others, each with its row's blocks, in groups. All goes over
 * in one piece: a tensor takes as long to make as some hundred numbers to fill in.
 */
final class StepInput implements AutoCloseable {
  /**
   * libtorch sums fewer numbers than a vector register holds in another order; so that a reply does
   * not depend on its neighbours, there are never fewer.
   */
  private static final int LEAST_LENGTH = 16;

  /** Sizes that are not those of a part. */
  private static final int TOTALS = 4;

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
  }

  private final Grouping grouping;
  private final NDManager scope;
  private final IValue numbers;
  private final IValue sizes;

  /**
   * Arguments.
   *
   * @param parent owns their memory
   * @param grouping what the program's kernels take together
   * @param rows whose wanted logits come in this order
   */
  StepInput(NDManager parent, Grouping grouping, List<NewTokens> rows) {
    this.grouping = grouping;
    List<List<NewTokens>> parts = new ArrayList<>();
    List<NewTokens> together = new ArrayList<>();
    for (NewTokens row : rows) {
      if (alone(row)) {
        parts.add(List.of(row));
      } else {
        together.add(row);
      }
    }
    together.sort(Comparator.comparingInt(NewTokens::blocks).reversed());
    parts.addAll(groups(together, grouping.blocks()));
    List<NewTokens> ordered = new ArrayList<>();
    parts.forEach(ordered::addAll);

    long[] counted = count(rows, together, parts);
    LongBuffer all = LongBuffer.allocate(length(counted));
    putIds(all, ordered);
    putPositions(all, ordered);
    together.forEach(row -> putPlaces(all, row));
    putWanted(all, rows, ordered);
    parts.forEach(part -> putTable(all, part));

    if (all.hasRemaining()) {
      throw new IllegalStateException(all.remaining() + " numbers of a step are not there");
    }
    this.sizes = IValue.listFrom(counted);
    this.scope = parent.newSubManager();
    try {
      this.numbers = TorchProgram.argument(scope.create(all.array()));
    } catch (RuntimeException | Error e) {
      sizes.close();
      scope.close();
      throw e;
    }
  }

  /** What the program says of {@code sizes}. */
  private long[] count(
      List<NewTokens> rows, List<NewTokens> together, List<List<NewTokens>> parts) {
    int prompts = rows.size() - together.size();
    long[] sizes = new long[TOTALS + 3 * parts.size()];
    sizes[0] = tokens(rows);
    sizes[1] = tokens(together);
    for (NewTokens row : rows) {
      sizes[2] += row.wanted().length;
    }
    sizes[3] = prompts;
    int at = TOTALS;
    for (List<NewTokens> part : parts) {
      sizes[at++] = tokens(part);
      sizes[at++] = longest(part);
      sizes[at++] = part.get(0).blocks(); // it has the most
    }
    return sizes;
  }

  /** How many numbers there are. */
  private static int length(long[] sizes) {
    long length = 2 * sizes[0] + sizes[1] + sizes[2];
    for (int i = 0; TOTALS + 3 * i < sizes.length; i++) {
      long lines = i < sizes[3] ? 1 : sizes[TOTALS + 3 * i];
      length += lines * sizes[TOTALS + 3 * i + 2];
    }
    return Math.toIntExact(length);
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

  private static int tokens(List<NewTokens> part) {
    int tokens = 0;
    for (NewTokens row : part) {
      tokens += row.tokens().length;
    }
    return tokens;
  }

  private int longest(List<NewTokens> part) {
    int longest = alone(part.get(0)) ? 0 : LEAST_LENGTH;
    for (NewTokens row : part) {
      longest = Math.max(longest, row.length());
    }
    return longest;
  }

  private static void putIds(LongBuffer all, List<NewTokens> rows) {
    for (NewTokens row : rows) {
      for (int id : row.tokens()) {
        all.put(id);
      }
    }
  }

  private static void putPositions(LongBuffer all, List<NewTokens> rows) {
    for (NewTokens row : rows) {
      for (int at = row.cache().length(); at < row.length(); at++) {
        all.put(at);
      }
    }
  }

  /** Of each token: its block's number times its size, plus the place in it. */
  private static void putPlaces(LongBuffer all, NewTokens row) {
    for (int at = row.cache().length(); at < row.length(); at++) {
      all.put((long) row.cache().block(at) * KeyValueBlocks.TOKENS + at % KeyValueBlocks.TOKENS);
    }
  }

  /** Where the tokens that count stand, in the order of the rows as they were given. */
  private static void putWanted(LongBuffer all, List<NewTokens> rows, List<NewTokens> ordered) {
    IdentityHashMap<NewTokens, Integer> begins = new IdentityHashMap<>();
    int at = 0;
    for (NewTokens row : ordered) {
      begins.put(row, at);
      at += row.tokens().length;
    }
    for (NewTokens row : rows) {
      int begin = Objects.requireNonNull(begins.get(row));
      for (int token : row.wanted()) {
        all.put(begin + token);
      }
    }
  }

  /** The blocks of a row that is read by itself, or of each token of a group. */
  private void putTable(LongBuffer all, List<NewTokens> part) {
    int width = part.get(0).blocks();
    for (NewTokens row : part) {
      for (int i = 0; i < (alone(row) ? 1 : row.tokens().length); i++) {
        for (int block = 0; block < width; block++) {
          boolean there = block < row.blocks();
          all.put(there ? row.cache().block(block * KeyValueBlocks.TOKENS) : 0);
        }
      }
    }
  }

  /**
   * All arguments of a method.
   *
   * @param before those that come before these
   * @param after those that come after them
   */
  IValue[] arguments(List<IValue> before, IValue... after) {
    List<IValue> arguments = new ArrayList<>(before);
    arguments.add(numbers);
    arguments.add(sizes);
    arguments.addAll(List.of(after));
    return arguments.toArray(IValue[]::new);
  }

  @Override
  public void close() {
    numbers.close();
    sizes.close();
    scope.close();
  }
}
