package dev.parley.trainer.data;

import dev.parley.trainer.data.InvalidDataException.Problem;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Collects what is wrong in a file, up to a number that a person can read, and what of it is left
 * out. A file that is to be used as it is ends at its first problem; of one that is salvaged every
 * record is read that can be.
 */
final class Problems {
  private static final int LIMIT = 20;

  /** More different names than this are no columns, but data. */
  private static final int MAX_IGNORED = 50;

  private final String file;
  private final boolean salvaging;
  private final List<Problem> problems = new ArrayList<>();
  private final SortedSet<String> ignored = new TreeSet<>();
  private long count;
  private long merged;
  private boolean fatal;

  Problems(String file) {
    this(file, false);
  }

  private Problems(String file, boolean salvaging) {
    this.file = file;
    this.salvaging = salvaging;
  }

  /** For a file whose broken records are left out. */
  static Problems ofSalvage(String file) {
    return new Problems(file, true);
  }

  /** Notes a record that cannot be read. Those past the limit are not kept, only counted. */
  void add(int line, int column, String message) {
    count++;
    if (problems.size() < LIMIT) {
      problems.add(new Problem(file, line, column, message));
    }
  }

  /** Notes something after which the rest of the file cannot be read, or means something else. */
  void end(int line, int column, String message) {
    if (salvaging && !fatal) { // what was left out before does not matter any more
      problems.clear();
      count = 0;
    }
    fatal = true;
    add(line, column, message);
  }

  /** Nothing of the file could be read: what is wrong with its records is wrong with all of it. */
  void nothingLeft() {
    fatal = true;
  }

  /** Notes a record that became part of the next one. */
  void merge() {
    merged++;
  }

  /** Notes a column or key that no dialogue takes anything from. */
  void ignore(String name) {
    if (ignored.size() < MAX_IGNORED) {
      ignored.add(name);
    }
  }

  /** Whether reading on would tell nothing new. */
  boolean full() {
    return salvaging ? fatal : count > LIMIT;
  }

  boolean isEmpty() {
    return count == 0;
  }

  /** What a salvaged file lost. */
  Salvage salvage(int dialogues) {
    return new Salvage(dialogues, count, List.copyOf(problems), merged, List.copyOf(ignored));
  }

  /** Unless all is well, or only records of a salvaged file are lost. */
  void throwIfAny() {
    if (count > 0 && (fatal || !salvaging)) {
      throw new InvalidDataException(problems, count > LIMIT);
    }
  }
}
